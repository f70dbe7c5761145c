import { readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'

const ROTATE_ABOVE_BYTES = 20 * 1024 ** 2

/** Moves each log that has grown large to NAME.log.1, in place of the one before. Only while nothing writes them. */
export function rotateLogs(folder: string): void {
  for (const name of readdirSync(folder).filter((it) => it.endsWith('.log'))) {
    const file = join(folder, name)
    if (statSync(file).size > ROTATE_ABOVE_BYTES) renameSync(file, `${file}.1`)
  }
}
