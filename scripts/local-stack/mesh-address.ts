import { existsSync, readFileSync } from 'node:fs'
import type { MeshAddress } from '../client/mesh-http.ts'
import { planPorts } from './port-plan.ts'
import type { Stack } from './stack.ts'
import { openStateFolder } from './state-folder.ts'

/** Where the stack of `make up` listens, and its root key. Throws when it is not up. */
export function readMeshAddress(environment: NodeJS.ProcessEnv = process.env): MeshAddress {
  const folder = openStateFolder(environment)
  const state = readRunning(folder)
  const key =
    state.rootKeyFrom === 'environment'
      ? environment.MILLRACE_ROOT_KEY
      : existsSync(folder.rootKeyFile) && readFileSync(folder.rootKeyFile, 'utf8').trim()
  if (!key) throw new Error('The stack was started with a MILLRACE_ROOT_KEY of your own: set it here too')
  return addressOf(planPorts(state.brokers, state.portOffset), key)
}

/** The operations port of each service of that stack. */
export function readOperationsPorts(environment: NodeJS.ProcessEnv = process.env): Record<string, number> {
  const { brokers, portOffset } = readRunning(openStateFolder(environment))
  const services = Object.entries(planPorts(brokers, portOffset).services)
  return Object.fromEntries(services.map(([name, { operations }]) => [name, operations]))
}

function readRunning(folder: ReturnType<typeof openStateFolder>) {
  const state = folder.readState()
  if (state?.phase !== 'ready' || folder.runningSupervisor() === null)
    throw new Error('The stack is not up: make up')
  return state
}

/** The same of a private stack. */
export function meshAddress(stack: Stack): MeshAddress {
  return addressOf(stack.plan, stack.rootKey)
}

function addressOf({ services }: Stack['plan'], key: string): MeshAddress {
  return {
    ingestUrl: `http://127.0.0.1:${services.ingest.http}`,
    ingestGrpc: `127.0.0.1:${services.ingest.grpc}`,
    queryUrl: `http://127.0.0.1:${services.query.http}`,
    key,
  }
}
