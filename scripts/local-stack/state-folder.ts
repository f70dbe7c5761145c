import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ProcessStatus } from './managed-process.ts'
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.ts'
import { REPOSITORY_ROOT } from './toolchain.ts'

export type StackPhase = 'starting' | 'ready' | 'stopping' | 'stopped' | 'failed'

/** What the supervisor writes down at every change, for `up`, `status` and a later sweep. */
export type StackState = {
  supervisor: ProcessIdentity
  phase: StackPhase
  /** Why it failed. */
  message: string | null
  brokers: number
  portOffset: number
  rootKeyFrom: 'environment' | 'file'
  processes: ProcessStatus[]
  /** The processes and their guards, to be recognised after a crash of the supervisor. */
  identities: ProcessIdentity[]
}

export type StateFolder = ReturnType<typeof openStateFolder>

/** `.millrace` of this clone, or MILLRACE_STATE. */
export function openStateFolder(environment: NodeJS.ProcessEnv) {
  const path = resolve(environment.MILLRACE_STATE || join(REPOSITORY_ROOT, '.millrace'))
  const stateFile = join(path, 'state.json')
  const claimFile = join(path, 'supervisor.json')
  const readClaim = () => readJson<ProcessIdentity>(claimFile)
  return {
    path,
    logs: join(path, 'logs'),
    supervisorLog: join(path, 'logs/supervisor.log'),
    rootKeyFile: join(path, 'root-key'),
    create: () => mkdirSync(join(path, 'logs'), { recursive: true }),
    readState: () => readJson<StackState>(stateFile),
    writeState: (state: StackState) => {
      writeFileSync(`${stateFile}.part`, JSON.stringify(state, null, 2))
      renameSync(`${stateFile}.part`, stateFile)
    },
    /** The supervisor that runs on this folder. */
    runningSupervisor: (): ProcessIdentity | null => {
      const claim = readClaim()
      return claim && isAlive(claim) ? claim : null
    },
    /** Makes this process the folder's supervisor; false when another one is. */
    claim: () => claim(claimFile, readClaim),
    unclaim: () => rmSync(claimFile, { force: true }),
  }
}

function claim(claimFile: string, readClaim: () => ProcessIdentity | null): boolean {
  const own = `${claimFile}.${process.pid}`
  writeFileSync(own, JSON.stringify(identityOf(process.pid)))
  try {
    for (;;) {
      try {
        // Whole from the first moment, and only one can succeed.
        linkSync(own, claimFile)
        return true
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
      }
      const holder = readClaim()
      if (holder && isAlive(holder)) return false
      rmSync(claimFile, { force: true })
    }
  } finally {
    rmSync(own, { force: true })
  }
}

function readJson<T>(file: string): T | null {
  if (!existsSync(file)) return null
  return JSON.parse(readFileSync(file, 'utf8')) as T
}
