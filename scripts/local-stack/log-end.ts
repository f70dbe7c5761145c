import { existsSync, readFileSync, statSync } from 'node:fs'
import { relative } from 'node:path'

const LINES = 15

export function logSize(file: string): number {
  return existsSync(file) ? statSync(file).size : 0
}

/** The last lines that were written to a log after its first `from` bytes, under a line that names it. */
export function describeLogEnd(file: string, from = 0): string {
  const written = existsSync(file) ? readFileSync(file).subarray(from).toString().trimEnd() : ''
  const name = relative(process.cwd(), file)
  if (written === '') return `its log ${name} has nothing to say`
  const lines = written.split('\n').slice(-LINES)
  return [`its log ${name} ends with:`, ...lines.map((line) => `  ${line}`)].join('\n')
}
