// Builds the console's page with Vite where its sources have changed since it was last built.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const folder = join(import.meta.dirname, '../../services/query/console')
const built = join(folder, 'dist')

/** Built into a folder of its own and moved there: who starts meanwhile never sees half of it. */
export async function buildConsole(): Promise<void> {
  const hash = hashOfSources()
  const stamp = join(built, '.sources')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return
  const part = join(folder, `dist.part-${process.pid}`)
  try {
    const vite = join(folder, 'node_modules/vite/bin/vite.js')
    const parameters = ['build', folder, '--outDir', part, '--logLevel', 'warn']
    await promisify(execFile)(process.execPath, [vite, ...parameters], { cwd: folder })
    writeFileSync(join(part, '.sources'), hash)
    const former = join(folder, `dist.former-${process.pid}`)
    if (existsSync(built)) renameSync(built, former)
    renameSync(part, built)
    rmSync(former, { recursive: true, force: true })
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

/** Of all that goes into it; package.json names the exact versions of what is bundled. */
function hashOfSources(): string {
  const hash = createHash('sha256')
  const kept = (name: string): boolean => !/^(dist|node_modules)/.test(name)
  const names = globSync('**', { cwd: folder, exclude: (name) => !kept(name) })
  for (const name of names.filter((it) => /\.\w+$/.test(it)).sort()) {
    hash.update(name).update(readFileSync(join(folder, name)))
  }
  return hash.digest('hex')
}

if (import.meta.main) await buildConsole()
