/** Shorter values are no secrets, and would mask half of a text. */
const minLength = 4
const mask = '[scrubbed]'
const none: readonly string[] = []

/** Values that a response must not bring into logs and accounts: those of the named headers of its request. */
export function secretValues(
  headers: Readonly<Record<string, string>>,
  names: ReadonlySet<string>,
): readonly string[] {
  let values: Set<string> | undefined
  for (const name of names) {
    const value = headers[name]
    if (value === undefined) continue
    values ??= new Set()
    values.add(value)
    // "Bearer abc": the receiver may repeat the credentials alone.
    const credentials = /^[\w-]+ +(\S.*)$/.exec(value)?.[1]
    if (credentials !== undefined) values.add(credentials)
    if (/^basic /i.test(value) && credentials !== undefined) {
      const [, password] = /:(.*)$/s.exec(Buffer.from(credentials, 'base64').toString('utf8')) ?? []
      if (password !== undefined) values.add(password)
    }
  }
  // Nearly always: every response asks.
  if (values === undefined) return none
  return [...values]
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1)])
    .filter((value) => value.length >= minLength)
    .sort((a, b) => b.length - a.length)
}

/** Masks them wherever they stand, a beginning at the very end included: what was captured may be cut there. */
export function scrubBody(body: Buffer, secrets: readonly string[]): Buffer {
  // Byte by byte, so that what is no text stays what it is.
  let text = body.toString('latin1')
  const before = text
  for (const secret of secrets) {
    const bytes = Buffer.from(secret, 'utf8').toString('latin1')
    text = text.replaceAll(bytes, mask)
    text = withoutBeginning(text, bytes)
  }
  return text === before ? body : Buffer.from(text, 'latin1')
}

function withoutBeginning(text: string, secret: string): string {
  for (let length = Math.min(secret.length - 1, text.length); length >= minLength; length -= 1) {
    if (text.endsWith(secret.slice(0, length))) return text.slice(0, text.length - length) + mask
  }
  return text
}
