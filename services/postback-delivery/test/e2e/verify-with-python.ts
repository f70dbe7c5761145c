import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface SignedRequest {
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

const root = join(import.meta.dirname, '../../../..')
const requirements = join(import.meta.dirname, 'standard-webhooks/requirements.txt')
const program = join(import.meta.dirname, 'standard-webhooks/verify.py')

/**
 * Whether Python's packages accept each of the requests: standardwebhooks with a secret (v1), PyNaCl with a public key
 * (v1a).
 */
export function verifyWithPython(secret: string, requests: readonly SignedRequest[]): boolean[] {
  const lines = requests.map(({ headers, body }) => JSON.stringify({ secret, headers, body }))
  const answers = run(join(provideEnvironment(), 'bin/python'), [program], `${lines.join('\n')}\n`)
  return answers
    .trim()
    .split('\n')
    .map((answer) => answer === 'accepted')
}

/** The folder with the package, made once for each version of the list. */
function provideEnvironment(): string {
  const folder = join(root, '.toolchain/standard-webhooks-python')
  const stamp = join(folder, 'stamp')
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return folder
  rmSync(folder, { recursive: true, force: true })
  run('python3', ['-m', 'venv', folder])
  run(join(folder, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', requirements])
  writeFileSync(stamp, wanted)
  return folder
}

function run(command: string, parameters: readonly string[], input = ''): string {
  const { status, stdout, stderr, error } = spawnSync(command, parameters, { input, encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`${command} ${parameters.join(' ')} failed: ${error?.message ?? stderr}`)
}
