// Runs the stack until SIGTERM. `make up` starts it in the background; it tells what happens in the state folder.
import { describeTakenPorts } from './check-ports.ts'
import { listPorts, planPorts } from './port-plan.ts'
import { identityOf, type ProcessIdentity } from './process-identity.ts'
import { keepRootKey } from './root-key.ts'
import { rotateLogs } from './rotate-logs.ts'
import { createStack, type Stack } from './stack.ts'
import { readStackSettings } from './stack-options.ts'
import { openStateFolder, type StackPhase, type StackState } from './state-folder.ts'
import { sweep } from './sweep.ts'

const folder = openStateFolder(process.env)
const settings = readStackSettings(process.env)
const givenKey = process.env.MILLRACE_ROOT_KEY
const own = identityOf(process.pid)
if (!own) throw new Error('this process has no start time')

folder.create()
if (!folder.claim()) {
  process.stderr.write('another supervisor runs on this folder\n')
  process.exit(1)
}

const state: StackState = {
  supervisor: own,
  phase: 'starting',
  message: null,
  brokers: settings.brokers,
  portOffset: settings.portOffset,
  rootKeyFrom: givenKey ? 'environment' : 'file',
  processes: [],
  identities: [],
}
let stack: Stack | undefined
let stopping: Promise<void> | undefined

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
  process.on(signal, () => void shutDown('stopped', null))
await run().catch((error: unknown) =>
  shutDown('failed', error instanceof Error ? error.message : String(error)),
)

async function run(): Promise<void> {
  // Read before the first write: these are the processes of an earlier run.
  await sweep(folder.readState()?.identities ?? [])
  rotateLogs(folder.logs)
  const plan = planPorts(settings.brokers, settings.portOffset)
  const { parts } = settings
  const uses = listPorts(plan).filter(({ process: name }) =>
    parts.some((part) => name === part || name.startsWith(`${part}-`)),
  )
  const taken = await describeTakenPorts(uses)
  if (taken !== null) throw new Error(taken)
  const rootKey = givenKey || keepRootKey(folder.rootKeyFile)
  await startWithLuck(() => createStack({ directory: folder.path, plan, rootKey, parts, onChange: record }))
  if (!stopping) enter('ready')
}

/**
 * The gRPC ports lie in the range that systems hand to outgoing connections: one of the stack's own may be given a
 * port between the check that it is free and the start of the service that listens there. The next start draws anew.
 */
async function startWithLuck(create: () => Stack): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    stack = create()
    record()
    // Asked to stop before there was anything to stop.
    if (stopping) return
    try {
      return await stack.start()
    } catch (error) {
      if (stopping || attempt === 3 || !String(error).includes('EADDRINUSE')) throw error
      process.stderr.write(`a port was taken meanwhile, starting again: ${String(error)}\n`)
    }
  }
}

async function shutDown(phase: StackPhase, message: string | null): Promise<void> {
  stopping ??= (async () => {
    enter('stopping')
    await stack?.stop()
    state.message = message
    enter(phase)
    folder.unclaim()
    process.exit(phase === 'failed' ? 1 : 0)
  })()
  await stopping
}

function enter(phase: StackPhase): void {
  state.phase = phase
  record()
}

function record(): void {
  state.processes = stack?.processes.map((it) => it.status()) ?? []
  state.identities = state.processes
    .flatMap(({ pid, groupId }) => [known(pid), known(groupId)])
    .filter((it) => it !== null)
  folder.writeState(state)
}

/** A pid's identity is looked up once: later the pid may be another's. */
function known(pid: number | null): ProcessIdentity | null {
  if (pid === null) return null
  return state.identities.find((it) => it.pid === pid) ?? identityOf(pid)
}
