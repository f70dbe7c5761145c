import type { Readable } from 'node:stream'
import { ServiceError } from '@millrace/service-kit/errors'
import { BodyPieces } from './body-pieces.ts'
import { copiesHeld, createDecoder } from './content-coding.ts'

/** A body as it comes. */
export interface IncomingBody {
  readonly payload: Readable
  /** In the order in which they are undone. */
  readonly codings: readonly string[]
  /** What the request says of its length, if it does. */
  readonly announcedBytes: number | undefined
  /** Called before it is read, not for one that is refused by its length. */
  readonly begin?: () => void
}

export interface BodyLimits {
  /** Of the body as it is sent, of what each coding was undone to, and so of what comes out. */
  readonly maxBytes: number
  /** Told of bytes that were not sent but came of undoing codings; may throw. */
  readonly grow: (bytes: number) => void
}

type Fail = (error: Error) => void

/**
 * Hands a body, its codings undone, to `take` piece by piece. What is left of it after a failure is not read:
 * `discardRest` is for whoever answers.
 * @throws {ServiceError} `too-large`, `invalid-request`, or what `grow` and `take` throw
 */
export function receiveBody(
  { payload, codings, announcedBytes = 0, begin }: IncomingBody,
  { maxBytes, grow }: BodyLimits,
  take: (piece: Buffer) => void,
): Promise<void> {
  if (announcedBytes > maxBytes) return Promise.reject(tooLarge(maxBytes))
  begin?.()
  return new Promise((resolve, reject) => {
    const undo: (() => void)[] = []
    let settled = false
    const settle = (error?: Error): void => {
      if (settled) return
      settled = true
      for (const step of undo) step()
      if (error === undefined) resolve()
      else reject(error)
    }
    payload.on('error', (error) => settle(error instanceof ServiceError ? error : endedEarly(error)))
    const onClose = (): void => settle(endedEarly())
    payload.on('close', onClose)
    undo.push(() => {
      payload.off('close', onClose)
      payload.pause()
    })
    const stages = [payload]
    for (const coding of codings) {
      stages.push(undoCoding(stages.at(-1) as Readable, coding, maxBytes, settle, undo))
    }
    const copies = copiesHeld(codings)
    consume(stages.at(-1) as Readable, maxBytes, settle, undo, (piece) => {
      if (codings.length > 0) grow(copies * piece.length)
      take(piece)
    })
    // All of them: a decoder ends where its coding does, and something may still come behind it.
    let open = stages.length
    const onEnd = (): void => {
      open -= 1
      if (open === 0) settle()
    }
    for (const stage of stages) stage.once('end', onEnd)
    payload.once('end', () => payload.off('close', onClose))
  })
}

/** The whole body as one buffer. */
export async function collectBody(body: IncomingBody, limits: BodyLimits): Promise<Buffer> {
  if (body.codings.length === 0) return collectPlainBody(body, limits.maxBytes)
  const pieces = new BodyPieces()
  await receiveBody(body, limits, (piece) => pieces.add(piece))
  return pieces.take()
}

/** Most bodies: what comes out is what comes in, and it comes as one piece. */
function collectPlainBody(
  { payload, announcedBytes = 0, begin }: IncomingBody,
  maxBytes: number,
): Promise<Buffer> {
  if (announcedBytes > maxBytes) return Promise.reject(tooLarge(maxBytes))
  begin?.()
  return new Promise((resolve, reject) => {
    let only: Buffer | undefined
    let pieces: BodyPieces | undefined
    const onData = (piece: Buffer): void => {
      if (only === undefined && piece.length <= maxBytes) {
        only = piece
        return
      }
      if (pieces === undefined) {
        pieces = new BodyPieces()
        if (only !== undefined) pieces.add(only)
      }
      pieces.add(piece)
      if (pieces.bytes <= maxBytes) return
      payload.off('data', onData)
      payload.pause()
      reject(tooLarge(maxBytes))
    }
    payload.on('data', onData)
    payload.on('end', () => resolve(pieces?.take() ?? only ?? Buffer.alloc(0)))
    payload.on('error', (error) => reject(error instanceof ServiceError ? error : endedEarly(error)))
    // Every body is closed at last, and an error is costly to make.
    payload.on('close', () => {
      if (!payload.readableEnded) reject(endedEarly())
    })
  })
}

function consume(
  from: Readable,
  maxBytes: number,
  fail: Fail,
  undo: (() => void)[],
  take: (piece: Buffer) => void,
): void {
  let bytes = 0
  const onData = (piece: Buffer): void => {
    bytes += piece.length
    if (bytes > maxBytes) {
      fail(tooLarge(maxBytes))
      return
    }
    try {
      take(piece)
    } catch (error) {
      fail(error as Error)
    }
  }
  from.on('data', onData)
  undo.push(() => from.off('data', onData))
}

/** Not `pipeline`: on a failure that would destroy the connection, and with it the answer. */
function undoCoding(
  from: Readable,
  coding: string,
  maxBytes: number,
  fail: Fail,
  undo: (() => void)[],
): Readable {
  const decoder = createDecoder(coding)
  const refuse = (what: string): void =>
    fail(new ServiceError('invalid-request', `The body ${what} (content-encoding ${coding}).`))
  let given = 0
  let ended = false
  const goOn = (): unknown => from.resume()
  consume(from, maxBytes, fail, undo, (piece) => {
    given += piece.length
    if (ended) refuse('goes on after its compressed end')
    else if (!decoder.write(piece)) from.pause()
  })
  from.once('end', () => decoder.end())
  decoder.on('drain', goOn)
  decoder.once('end', () => {
    ended = true
    if (decoder.bytesWritten < given) refuse('goes on after its compressed end')
    // What still comes is what must not come, so it has to be looked at.
    else goOn()
  })
  decoder.once('error', (error: Error & { code?: string }) => {
    if (error.code === 'Z_BUF_ERROR') refuse('is compressed and cut off')
    else refuse(`cannot be decompressed: ${error.message}`)
  })
  undo.push(() => {
    decoder.off('drain', goOn)
    decoder.destroy()
  })
  return decoder
}

function endedEarly(cause?: Error): ServiceError {
  return new ServiceError('invalid-request', 'The body ended before all of it had come.', { cause })
}

function tooLarge(maxBytes: number): ServiceError {
  return new ServiceError(
    'too-large',
    `The body has more than ${maxBytes} bytes, decompressed. Send smaller batches.`,
  )
}
