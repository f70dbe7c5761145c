import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isPortFree } from '../../local-stack/free-ports.ts'
import { listPorts, planPorts } from '../../local-stack/port-plan.ts'
import { isAlive } from '../../local-stack/process-identity.ts'
import { openStateFolder } from '../../local-stack/state-folder.ts'
import { waitUntil } from '../../local-stack/wait-until.ts'

t.setTimeout(300_000)

const COMMANDS = join(import.meta.dirname, '../../local-stack')

/** The commands behind `make up` and the others, on a state folder and ports of their own. */
async function privateStack(t: Test) {
  const path = mkdtempSync(join(tmpdir(), 'millrace stack-'))
  const portOffset = await freeOffset()
  const environment = {
    ...process.env,
    MILLRACE_STATE: path,
    PORT_OFFSET: String(portOffset),
    ONLY: 'kafka,clickhouse',
    BROKERS: '',
  }
  const folder = openStateFolder(environment)
  const start = (command: string, extra: NodeJS.ProcessEnv = {}) => {
    const child = spawn(process.execPath, [join(COMMANDS, `${command}.ts`)], {
      env: { ...environment, ...extra },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text))
    const ended = once(child, 'close').then(([code]) => ({ code: code as number, output }))
    return { child, ended }
  }
  const run = (command: string, extra?: NodeJS.ProcessEnv) => start(command, extra).ended
  t.teardown(async () => {
    await run('down')
    rmSync(path, { recursive: true, force: true })
  })
  return { folder, portOffset, ports: planPorts(1, portOffset), start, run }
}

async function freeOffset(): Promise<number> {
  for (;;) {
    const offset = 2_000 + Math.floor(Math.random() * 10_000)
    const free = await Promise.all(listPorts(planPorts(3, offset)).map(({ port }) => isPortFree(port)))
    if (free.every(Boolean)) return offset
  }
}

type PrivateStack = Awaited<ReturnType<typeof privateStack>>

function identities({ folder }: PrivateStack) {
  const state = folder.readState()
  return state ? [state.supervisor, ...state.identities] : []
}

async function untilNothingIsLeft(stack: PrivateStack, left: ReturnType<typeof identities>): Promise<void> {
  await waitUntil(() => !left.some(isAlive), { timeoutMs: 10_000, what: 'the end of every process' })
  // Each guard led a group, in which there was more than was recorded.
  await waitUntil(() => !left.some(({ pid }) => groupExists(pid)), {
    timeoutMs: 10_000,
    what: 'the end of every group',
  })
  const ports = listPorts(stack.ports).map(({ port }) => port)
  const allFree = async () => (await Promise.all(ports.map(isPortFree))).every(Boolean)
  await waitUntil(allFree, { timeoutMs: 10_000, what: 'every port free' })
}

function groupExists(groupId: number): boolean {
  try {
    process.kill(-groupId, 0)
    return true
  } catch {
    return false
  }
}

function processStatus({ folder }: PrivateStack, name: string) {
  const found = folder.readState()?.processes.find((it) => it.name === name)
  if (!found) throw new Error(`no ${name} in the state`)
  return found
}

t.test('the stack from up to down', { timeout: 240_000 }, async (t) => {
  const stack = await privateStack(t)

  const up = await stack.run('up')
  t.match(up, { code: 0, output: /clickhouse +ready.*ClickHouse +http:/s })
  t.equal(identities(stack).length, 5, 'a supervisor, two guards, two servers')
  t.ok(identities(stack).every(isAlive))

  await t.test('status tells every process and the root key', async (t) => {
    const { code, output } = await stack.run('status')
    t.equal(code, 0)
    t.match(output, /^kafka-1 +\d+ +ready/m)
    t.match(output, /^clickhouse +\d+ +ready/m)
    t.match(output, /mr_root_[A-Za-z0-9_-]{43}/)
  })

  await t.test('a second up changes nothing; one with other ports is refused', async (t) => {
    const before = identities(stack)
    t.match(await stack.run('up'), { code: 0, output: /already up/ })
    t.same(identities(stack), before)
    const shifted = await stack.run('up', { PORT_OFFSET: String(stack.portOffset + 1) })
    t.match(shifted, { code: 1, output: /already up, with .*make down first/ })
    t.same(identities(stack), before)
  })

  for (const name of ['clickhouse', 'kafka-1']) {
    await t.test(`${name}, killed, comes back by itself`, async (t) => {
      const before = processStatus(stack, name)
      process.kill(before.pid ?? 0, 'SIGKILL')
      const isBack = () =>
        processStatus(stack, name).restarts === 1 && processStatus(stack, name).state === 'ready'
      await waitUntil(isBack, { timeoutMs: 60_000, what: `${name} back` })
      t.not(processStatus(stack, name).pid, before.pid)
    })
  }

  await t.test('a kill -9 of the supervisor leaves nothing running, and the next up works', async (t) => {
    const before = identities(stack)
    t.equal(before.length, 5)
    process.kill(before[0]?.pid ?? 0, 'SIGKILL')
    await untilNothingIsLeft(stack, before)
    t.match(await stack.run('status'), { code: 1, output: /not up/ })
    t.match(await stack.run('up'), { code: 0 })
  })

  await t.test('down leaves nothing running', async (t) => {
    const before = identities(stack)
    t.match(await stack.run('down'), { code: 0, output: /The stack is down/ })
    t.notOk(before.some(isAlive), 'by the time down returns')
    await untilNothingIsLeft(stack, before)
    t.match(await stack.run('down'), { code: 0, output: /was not up/ })
  })
})

t.test('a Ctrl-C while it starts leaves nothing', { timeout: 60_000 }, async (t) => {
  const stack = await privateStack(t)
  const { child, ended } = stack.start('up')
  await waitUntil(() => identities(stack).length === 5, {
    timeoutMs: 30_000,
    what: 'both servers are starting',
  })
  const before = identities(stack)
  child.kill('SIGINT')
  t.equal((await ended).code, 130)
  t.notOk(before.some(isAlive), 'by the time up returns')
  await untilNothingIsLeft(stack, before)
})

t.test('a taken port is told before anything starts', { timeout: 60_000 }, async (t) => {
  const stack = await privateStack(t)
  const { http } = stack.ports.clickhouse
  const server = createServer().listen(http, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { code, output } = await stack.run('up')
  t.equal(code, 1)
  t.match(output, `port ${http} of 127.0.0.1 is taken, and clickhouse needs it (http)`)
  t.same(stack.folder.readState()?.processes, [])
  t.notOk(identities(stack).some(isAlive))
})

t.test(
  'a process that cannot start fails the start, is named with the end of its log, and nothing is left',
  async (t) => {
    const stack = await privateStack(t)
    const { code, output } = await stack.run('up', { JAVA_HOME: '/nowhere' })
    t.equal(code, 1)
    t.match(output, /Kafka's data folder failed \(exit code 127\).*\/nowhere\/bin\/java/s)
    await untilNothingIsLeft(stack, identities(stack))
    t.match(await stack.run('status'), { code: 1, output: /The last start failed/ })
  },
)

t.test(
  'what an earlier run left behind is swept by the next start, and nothing else is',
  { timeout: 60_000 },
  async (t) => {
    const stack = await privateStack(t)
    t.match(await stack.run('up', { ONLY: 'clickhouse' }), { code: 0 })
    const [supervisor, ...left] = identities(stack)
    // With its whole group paused, the guard cannot do its work.
    const server = processStatus(stack, 'clickhouse')
    const bystander = spawn('sleep', ['60'])
    t.teardown(() => bystander.kill())
    const state = stack.folder.readState()
    if (state)
      stack.folder.writeState({
        ...state,
        identities: [...left, { pid: bystander.pid ?? 0, startTime: 'another' }],
      })
    process.kill(-(server.groupId ?? 0), 'SIGSTOP')
    process.kill(supervisor?.pid ?? 0, 'SIGKILL')
    await waitUntil(() => supervisor !== undefined && !isAlive(supervisor), {
      timeoutMs: 5_000,
      what: 'the end of the supervisor',
    })
    t.match(await stack.run('down'), { code: 0, output: /The stack is down/ })
    await untilNothingIsLeft(stack, left)
    t.equal(bystander.exitCode ?? bystander.signalCode, null)
  },
)
