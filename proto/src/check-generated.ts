// Fails when the committed TypeScript is not what the .proto files generate.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const committed = fileURLToPath(new URL('gen', import.meta.url))
const root = fileURLToPath(new URL('..', import.meta.url))
const kept = mkdtempSync(join(tmpdir(), 'millrace-gen-'))

function filesBelow(directory: string): Map<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  return new Map(names.sort().map((name) => [name, readFileSync(join(directory, name), 'utf8')]))
}

const before = filesBelow(committed)
cpSync(committed, kept, { recursive: true })
try {
  execFileSync('buf', ['generate'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  const after = filesBelow(committed)
  const names = new Set([...before.keys(), ...after.keys()])
  const stale = [...names].filter((name) => before.get(name) !== after.get(name))
  if (stale.length > 0) {
    console.error(
      `Generated code is stale: ${stale.join(', ')}. Run: pnpm --filter @millrace/proto run generate`,
    )
    process.exitCode = 1
  }
} finally {
  rmSync(committed, { recursive: true })
  cpSync(kept, committed, { recursive: true })
  rmSync(kept, { recursive: true })
}
