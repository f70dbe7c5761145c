import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive } from './process-identity.ts'
import type { StateFolder } from './state-folder.ts'
import { sweep } from './sweep.ts'

/** Every process' own deadline together, and a little. */
const SUPERVISOR_TIMEOUT_MS = 120_000

/** Stops the stack of this state folder, and whatever an earlier one left. Answers whether there was any. */
export async function stopStack(folder: StateFolder): Promise<boolean> {
  const supervisor = folder.runningSupervisor()
  if (supervisor) {
    process.kill(supervisor.pid, 'SIGTERM')
    const deadline = Date.now() + SUPERVISOR_TIMEOUT_MS
    const told = new Set<string>()
    while (isAlive(supervisor)) {
      tellStopped(folder, told)
      if (Date.now() > deadline) process.kill(supervisor.pid, 'SIGKILL')
      await sleep(50)
    }
    tellStopped(folder, told)
  }
  const swept = await sweep(folder.readState()?.identities ?? [])
  folder.unclaim()
  return supervisor !== null || swept > 0
}

function tellStopped(folder: StateFolder, told: Set<string>): void {
  for (const { name, state } of folder.readState()?.processes ?? []) {
    if (state !== 'stopped' || told.has(name)) continue
    told.add(name)
    process.stdout.write(`${name.padEnd(18)} stopped\n`)
  }
}
