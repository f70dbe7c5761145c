import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

/** Keeps secrets unreadable in the catalog's topic, whose readers are many. */
export interface SecretBox {
  /** @param context what the secret belongs to: sealed text opens in the same context only */
  seal(secret: string, context: string): string
  /** @throws {Error} when it was changed, moved to another context, or sealed with a key that is not here */
  open(sealed: string, context: string): string
  /** Whether it is sealed with the key that seals now, with another one that is here, or with none of them. */
  keyOf(sealed: string): 'current' | 'former' | 'unknown'
}

/** Bytes of a key. */
const secretsKeyBytes = 32

const ivBytes = 12
const tagBytes = 16
const form = /^v1\.([\w-]{8})\.([\w-]+)$/

/**
 * AES-256-GCM with a random nonce. Text: `v1.<id of the key>.<nonce, tag and ciphertext>`, base64url.
 * @param keys the first one seals, all of them open
 */
export function createSecretBox(keys: readonly Buffer[]): SecretBox {
  const byId = new Map(keys.map((key) => [idOf(key), key]))
  const [current] = keys
  if (current === undefined) throw new Error('a secret box needs a key')
  const currentId = idOf(current)
  return {
    seal(secret, context) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', current, iv).setAAD(Buffer.from(context))
      const ciphertext = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
      return `v1.${currentId}.${Buffer.concat([iv, cipher.getAuthTag(), ciphertext]).toString('base64url')}`
    },
    open(sealed, context) {
      const [, id = '', text = ''] = form.exec(sealed) ?? []
      const key = byId.get(id)
      if (key === undefined) throw new Error('the secret is not sealed with a key of MILLRACE_SECRETS_KEY')
      const bytes = Buffer.from(text, 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes), {
        authTagLength: tagBytes,
      })
      decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes))
      return decipher.update(bytes.subarray(ivBytes + tagBytes)).toString('utf8') + decipher.final('utf8')
    },
    keyOf(sealed) {
      const id = form.exec(sealed)?.[1]
      if (id === currentId) return 'current'
      return id !== undefined && byId.has(id) ? 'former' : 'unknown'
    },
  }
}

/**
 * The keys of a deployment: those that were given, and one that comes from the root key. That one opens what was
 * sealed before keys were given, and seals where none is.
 */
export function secretsKeysOf(config: {
  readonly secretsKeys: readonly Buffer[]
  readonly rootKey: string
}): readonly Buffer[] {
  const derived = hkdfSync('sha256', config.rootKey, '', 'millrace secrets 1', secretsKeyBytes)
  return [...config.secretsKeys, Buffer.from(derived)]
}

/** Tells keys apart, and nothing of them. */
function idOf(key: Buffer): string {
  return createHash('sha256')
    .update('millrace secrets key id')
    .update(key)
    .digest()
    .subarray(0, 6)
    .toString('base64url')
}
