import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Migration {
  readonly version: number
  /** Of the file, without its ending: 001-events. */
  readonly name: string
  /** SHA-256 of the file, in hexadecimal digits. */
  readonly checksum: string
  readonly statements: readonly string[]
}

/** Those of this service. */
export const migrationsDirectory = join(import.meta.dirname, '../migrations')

const fileForm = /^(\d{3})-[a-z0-9-]+\.sql$/

/**
 * Reads NNN-name.sql in order. Statements end with a semicolon at the end of a line.
 * @throws {Error} when a file's name has another form or the numbers do not follow each other from 1
 */
export function readMigrations(directory: string): readonly Migration[] {
  return readdirSync(directory)
    .sort()
    .map((file, index) => {
      const version = Number(fileForm.exec(file)?.[1])
      if (version !== index + 1) {
        throw new Error(`migrations/${file}: expected number ${String(index + 1).padStart(3, '0')}`)
      }
      const text = readFileSync(join(directory, file), 'utf8')
      return {
        version,
        name: file.replace(/\.sql$/, ''),
        checksum: createHash('sha256').update(text).digest('hex'),
        statements: splitStatements(text),
      }
    })
}

export function splitStatements(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('--'))
    .join('\n')
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}
