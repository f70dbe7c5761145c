// make status: exits with 1 when something is not ready.
import { readFileSync } from 'node:fs'
import { describeProcesses } from './describe-stack.ts'
import { openStateFolder } from './state-folder.ts'

const folder = openStateFolder(process.env)
const state = folder.readState()

if (!folder.runningSupervisor() || !state) {
  process.stdout.write('The stack is not up: make up\n')
  if (state?.message) process.stdout.write(`\nThe last start failed:\n${state.message}\n`)
  process.exitCode = 1
} else {
  const rootKey =
    state.rootKeyFrom === 'environment'
      ? 'as given in MILLRACE_ROOT_KEY'
      : readFileSync(folder.rootKeyFile, 'utf8').trim()
  process.stdout.write(
    `${describeProcesses(state.processes, Date.now())}\n\nRoot key  ${rootKey}\nLogs      ${folder.logs}\n`,
  )
  for (const { name, logFile } of state.processes.filter((it) => it.state === 'given-up')) {
    process.stdout.write(
      `\n${name} crashed again and again, and is not started any more. Its log: ${logFile}\n`,
    )
    process.stdout.write('When that is mended: make down up\n')
  }
  if (state.phase !== 'ready' || state.processes.some((it) => it.state !== 'ready')) process.exitCode = 1
}
