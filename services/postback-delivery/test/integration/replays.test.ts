import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Delivery } from '@millrace/proto'
import t from 'tap'
import { makeDelivery } from '../helper.ts'
import { startMesh, until } from './helper.ts'
import { startReplayFixture } from './replay-fixture.ts'

// The group waits ten seconds for a member that was killed before it gives away its partitions.
t.setTimeout(120_000)

const main = join(import.meta.dirname, 'crashing-replays.ts')

function startProcess(environment: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [main], {
    env: { ...process.env, ...environment, POSTBACK_INSTANCE_ID: 'replaying' },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

const named = (prefix: string, count: number, parts: Partial<Omit<Delivery, 'request'>> = {}): Delivery[] =>
  Array.from({ length: count }, (_, n) => makeDelivery({ ...parts, id: `${prefix}-${n}` }))

const idsOf = (deliveries: readonly { readonly id: string }[]) => deliveries.map(({ id }) => id).sort()

t.test('a replay takes up what it selects exactly once, killed in the middle or not', async (t) => {
  const mesh = await startMesh()
  const fixture = await startReplayFixture(mesh)
  const dead = named('dead', 500, { endpoint: 'one', attempts: 8 })
  const held = named('held', 500, { endpoint: 'one' })
  const others = named('other', 200, { endpoint: 'other' })
  await fixture.keep('dead', [...dead, ...others])
  await fixture.keep('held', held)
  let child = startProcess(mesh.environment)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await fixture.stop()
    await mesh.stop()
  })
  const filter = { from: '2023-11-14T00:00:00Z', to: '2023-11-15T00:00:00Z' }
  const started = Date.now()
  const replay = await fixture.replay({ ...filter, endpoint: 'other' })
  const all = await fixture.replay({ ...filter, endpoint: 'one' }, { ratePerSecond: 400 })
  await until('some are on their way', () => fixture.sent.length >= 400)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const before = fixture.sent.length
  t.ok(before < 1_200, `${before} were on their way when it was killed`)
  child = startProcess(mesh.environment)
  await until('all are done', () => fixture.progress(all)?.done === true, 60_000)
  await until('the other one is done', () => fixture.progress(replay)?.done === true)
  t.same(idsOf(fixture.sent), idsOf([...dead, ...held, ...others]), 'each once')
  t.same(
    fixture.redriven.map(({ deliveryId }) => deliveryId).sort(),
    idsOf([...dead, ...held, ...others]),
    'each accounted for once',
  )
  t.match(fixture.progress(all), { selected: 1_000, redriven: 1_000 })
  t.match(fixture.progress(replay), { selected: 200, redriven: 200 })
  t.ok(Date.now() - started >= 1_000 * (1_000 / 400 - 0.5), 'not faster than asked for')
  const [one] = fixture.sent.filter(({ id }) => id === 'dead-0')
  t.match(one, { attempts: 8, scheduleBase: 8, notBeforeUs: 0, replay: all, steps: 9 })

  const again = await fixture.replay({})
  await until('it is done', () => fixture.progress(again)?.done === true)
  t.match(fixture.progress(again), { selected: 0, redriven: 0 }, 'what is on its way is not taken up again')
  t.equal(fixture.sent.length, 1_200)

  await fixture.keep('dead', named('dead', 3, { attempts: 16, scheduleBase: 8, replay: all }))
  const single = await fixture.replay({ status: 'dead', ids: ['dead-1'] })
  await until('it is done', () => fixture.progress(single)?.done === true)
  t.match(fixture.progress(single), { selected: 1, redriven: 1 })
  await until('it is on its way', () => fixture.sent.length === 1_201)
  t.match(fixture.sent.at(-1), { id: 'dead-1', attempts: 16, scheduleBase: 16, replay: single })
})
