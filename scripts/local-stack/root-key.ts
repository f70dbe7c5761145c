import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

export function generateRootKey(): string {
  return `mr_root_${randomBytes(32).toString('base64url')}`
}

/** The key kept in the file, made at the first call. Nobody but its owner can read it. */
export function keepRootKey(file: string): string {
  if (!existsSync(file)) writeFileSync(file, `${generateRootKey()}\n`, { mode: 0o600, flag: 'wx' })
  return readFileSync(file, 'utf8').trim()
}
