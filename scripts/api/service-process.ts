import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { spawnGuarded } from '../local-stack/guarded-process.ts'
import { findFreePorts } from '../local-stack/index.ts'
import type { ServiceName } from '../local-stack/port-plan.ts'

const repository = join(import.meta.dirname, '../..')

export interface ServiceProcess {
  /** Of the public HTTP door, where the service has one. */
  readonly address: string
  readonly grpcAddress: string
  readonly operations: string
  hasEnded(): boolean
  /** It is killed: whoever starts it this way keeps nothing of it. */
  stop(): Promise<void>
}

/** A service as a process of its own, on free ports of this machine; not waited for. It dies with this process. */
export async function startServiceProcess(
  name: ServiceName,
  environment: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const [http, grpc, operations] = await findFreePorts(3)
  const command = {
    command: process.execPath,
    parameters: [join(repository, 'services', name, 'src/main.ts')],
    cwd: repository,
    environment: {
      PATH: process.env.PATH,
      LOG_LEVEL: 'fatal',
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: String(http),
      GRPC_HOST: '127.0.0.1',
      GRPC_PORT: String(grpc),
      OPERATIONS_HOST: '127.0.0.1',
      OPERATIONS_PORT: String(operations),
      ...environment,
    },
  }
  const service = await spawnGuarded(command, { stdout: 'pipe', stderr: 'inherit' })
  // Nobody reads what it prints.
  service.stdout?.resume()
  let ended = false
  const exited = service.exited.then(() => {
    ended = true
  })
  return {
    address: `http://127.0.0.1:${http}`,
    grpcAddress: `127.0.0.1:${grpc}`,
    operations: `http://127.0.0.1:${operations}`,
    hasEnded: () => ended,
    async stop() {
      service.signal('SIGKILL')
      await exited
    },
  }
}

/** Asks until there is a good answer. */
export async function fetchUntilGood(
  url: string,
  service: ServiceProcess,
  patienceMs = 60_000,
): Promise<Response> {
  const end = Date.now() + patienceMs
  for (;;) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.ok) return response
    const told = await response?.text()
    if (service.hasEnded()) throw new Error(`the service ended before it answered ${url}`)
    if (Date.now() > end) throw new Error(`${url} was not answered well within ${patienceMs} ms: ${told}`)
    await delay(50)
  }
}
