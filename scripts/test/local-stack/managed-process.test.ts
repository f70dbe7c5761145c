import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  createManagedProcess,
  type ManagedProcessOptions,
  type ProcessSpec,
} from '../../local-stack/managed-process.ts'
import { identityOf, isAlive } from '../../local-stack/process-identity.ts'
import { waitUntil } from '../../local-stack/wait-until.ts'

/** A shell script that is ready as soon as it has made the file `ready`. */
function scripted(
  t: Test,
  script: string,
  options: ManagedProcessOptions = { restart: false },
  spec: Partial<ProcessSpec> = {},
) {
  const cwd = mkdtempSync(join(tmpdir(), 'millrace managed-'))
  const readyFile = join(cwd, 'ready')
  const states: string[] = []
  const managed = createManagedProcess(
    {
      name: 'example',
      address: 'nowhere',
      command: 'sh',
      parameters: ['-c', script],
      cwd,
      environment: process.env,
      logFile: join(cwd, 'example.log'),
      prepare: async () => rmSync(readyFile, { force: true }),
      isReady: async () => existsSync(readyFile),
      readyTimeoutMs: 5_000,
      stopTimeoutMs: 5_000,
      ...spec,
    },
    { ...options, onChange: ({ state }) => states.at(-1) !== state && states.push(state) },
  )
  t.teardown(async () => {
    await managed.stop()
    rmSync(cwd, { recursive: true, force: true })
  })
  return { managed, states, readyFile, cwd }
}

const RUN = 'touch ready; exec sleep 60'

t.test('it starts, is ready, stops, and can be started again', async (t) => {
  const { managed, states } = scripted(t, RUN)
  await managed.start()
  const first = identityOf(managed.status().pid ?? 0)
  t.ok(first && isAlive(first))
  await managed.stop()
  t.notOk(first && isAlive(first))
  await managed.start()
  t.same(states, ['starting', 'ready', 'stopping', 'stopped', 'starting', 'ready'])
})

t.test(
  'a process that ends before it is ready fails the start, with its exit and the end of its log',
  async (t) => {
    const { managed } = scripted(t, 'echo the reason; exit 3', { restart: true })
    await t.rejects(
      managed.start(),
      /example ended before it was ready \(exit code 3\)\n.*ends with:\n {2}the reason/,
    )
    t.equal(managed.status().state, 'stopped')
  },
)

t.test('what an earlier run wrote to the log is not told as the reason', async (t) => {
  const { managed, cwd } = scripted(t, 'test -e quiet || echo an old story; exit 3')
  await t.rejects(managed.start(), /an old story/)
  writeFileSync(join(cwd, 'quiet'), '')
  await t.rejects(managed.start(), /\(exit code 3\)\nits log .* has nothing to say$/)
})

t.test('a process that is never ready fails the start in time, and is stopped', async (t) => {
  const { managed } = scripted(t, 'exec sleep 60', { restart: true }, { readyTimeoutMs: 300 })
  await t.rejects(managed.start(), /example ready: not within 0.3 s/)
  t.match(managed.status(), { state: 'stopped', pid: null })
})

t.test('killed, it comes back by itself within a second', async (t) => {
  const { managed, states } = scripted(t, RUN, { restart: true })
  await managed.start()
  const killedAt = Date.now()
  await managed.kill()
  t.not(managed.status().state, 'ready')
  await managed.untilReady()
  t.ok(Date.now() - killedAt < 1_000)
  t.match(managed.status(), { restarts: 1, lastExit: 'SIGKILL' })
  t.same(states, ['starting', 'ready', 'restarting', 'starting', 'ready'])
})

t.test('without restart it stays down until it is started', async (t) => {
  const { managed } = scripted(t, RUN)
  await managed.start()
  await managed.kill()
  t.equal(managed.status().state, 'stopped')
  await t.rejects(managed.untilReady(), /example ended before it was ready/)
  await managed.start()
  t.equal(managed.status().state, 'ready')
})

t.test('one that crashes again and again is given up, and says so', async (t) => {
  const crashes = [1, 1, 1]
  const createBackoff = () => ({ delayAfterExit: () => crashes.pop() ?? null })
  const { managed, cwd } = scripted(t, 'test -e crash && exit 9; touch ready; exec sleep 60', {
    restart: true,
    createBackoff,
  })
  await managed.start()
  writeFileSync(join(cwd, 'crash'), '')
  await managed.kill()
  await waitUntil(() => managed.status().state === 'given-up', { timeoutMs: 5_000, what: 'given up' })
  t.match(managed.status(), { restarts: 3, lastExit: 'exit code 9', pid: null })
})

t.test('one that loses its readiness is not ready, and is not restarted', async (t) => {
  const { managed, readyFile } = scripted(t, RUN, { restart: true })
  await managed.start()
  const { pid } = managed.status()
  rmSync(readyFile)
  await waitUntil(() => managed.status().state === 'not-ready', { timeoutMs: 5_000, what: 'not ready' })
  writeFileSync(readyFile, '')
  await managed.untilReady()
  t.equal(managed.status().pid, pid)
})

t.test('one that ignores SIGTERM is killed at its deadline', async (t) => {
  const { managed } = scripted(
    t,
    `trap '' TERM; touch ready; while :; do sleep 1; done`,
    { restart: true },
    { stopTimeoutMs: 200 },
  )
  await managed.start()
  await managed.stop()
  t.match(managed.status(), { state: 'stopped', lastExit: 'SIGKILL' })
})

t.test('one that is paused is stopped all the same', async (t) => {
  const { managed } = scripted(t, RUN)
  await managed.start()
  managed.signal('SIGSTOP')
  await managed.stop()
  t.match(managed.status(), { state: 'stopped', lastExit: 'SIGTERM' })
})

t.test('a stop while it waits for its restart ends the waiting', async (t) => {
  const { managed } = scripted(t, RUN, {
    restart: true,
    createBackoff: () => ({ delayAfterExit: () => 60_000 }),
  })
  await managed.start()
  await managed.kill()
  t.equal(managed.status().state, 'restarting')
  await managed.stop()
  t.equal(managed.status().state, 'stopped')
  await managed.start()
})
