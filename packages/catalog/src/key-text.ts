import { createHash, randomBytes } from 'node:crypto'

/** A key as it is handed out, this one time. */
export interface NewKey {
  readonly id: string
  /** What the caller sends; only its hash is kept. */
  readonly text: string
}

export function newKey(): NewKey {
  return {
    id: `key_${randomBytes(16).toString('base64url')}`,
    text: `mr_${randomBytes(32).toString('base64url')}`,
  }
}

/** As it stands in the catalog. Keys are random: nothing slower than SHA-256 is needed to keep them. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('base64url')
}
