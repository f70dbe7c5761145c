import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { ServiceError } from '@millrace/service-kit/errors'

/** Where the next page begins. `subject` ties a cursor to the query that it came from. */
export interface CursorCodec {
  encode(subject: string, position: readonly string[]): string
  /** @throws {ServiceError} `invalid-request` for a cursor that was changed, made up, or made for another query */
  decode(subject: string, cursor: string): readonly string[]
}

const sealBytes = 12

/**
 * Cursors are sealed with a key that all instances derive from the root key, so that any of them can go on where
 * another one stopped. They grant nothing: every page checks the caller's key again.
 */
export function createCursorCodec(rootKey: string): CursorCodec {
  const sealKey = createHmac('sha256', rootKey).update('millrace cursor 1').digest()
  const seal = (subject: string, payload: Buffer): Buffer =>
    createHmac('sha256', sealKey)
      .update(createHash('sha256').update(subject).digest())
      .update(payload)
      .digest()
      .subarray(0, sealBytes)
  return {
    encode(subject, position) {
      const payload = Buffer.from(JSON.stringify(position))
      return Buffer.concat([seal(subject, payload), payload]).toString('base64url')
    },
    decode(subject, cursor) {
      const bytes = Buffer.from(cursor, 'base64url')
      const payload = bytes.subarray(sealBytes)
      const genuine =
        bytes.length > sealBytes && timingSafeEqual(bytes.subarray(0, sealBytes), seal(subject, payload))
      if (!genuine) throw badCursor()
      return JSON.parse(payload.toString()) as string[]
    },
  }
}

function badCursor(): ServiceError {
  const detail =
    'The cursor does not belong to this query. Take nextCursor from its last page, parameters unchanged.'
  return new ServiceError('invalid-request', detail, { faults: [{ pointer: '/cursor', detail }] })
}
