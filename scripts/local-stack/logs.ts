// make logs [SERVICE=name]: follows one log, or all.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openStateFolder } from './state-folder.ts'

const { logs } = openStateFolder(process.env)
const names = existsSync(logs)
  ? readdirSync(logs)
      .filter((it) => it.endsWith('.log'))
      .map((it) => it.slice(0, -'.log'.length))
  : []
const service = process.env.SERVICE
const chosen = service ? names.filter((it) => it === service) : names

if (chosen.length === 0) {
  process.stderr.write(
    `No log${service ? ` of "${service}"` : ''} here${names.length > 0 ? `, but of ${names.join(', ')}` : ': make up'}\n`,
  )
  process.exitCode = 1
} else {
  const files = chosen.map((it) => join(logs, `${it}.log`))
  // By name: a log that is replaced is followed on.
  const tail = spawn('tail', ['-n', service ? '100' : '10', '-F', ...files], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => tail.kill(signal))
  tail.on('exit', (code) => process.exit(code ?? 0))
}
