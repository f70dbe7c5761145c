import { createDeliveryStateStore } from '@millrace/catalog/delivery-state-store'
import type { DeliveryState } from '@millrace/proto'
import t, { type Test } from 'tap'
import { createBreakers } from '../src/breakers.ts'
import type { Told } from '../src/delivery-state-writer.ts'

const config = { windowMs: 3_000, minRequests: 5, failingRatio: 0.8, openMs: 1_000, longestOpenMs: 4_000 }
const receiver = { tenant: 'acme', queueKey: 'q', endpoint: 'e' }
const leaseMs = 10_000

/** The topic: what is put comes back to all instances, in one order, when the test says so. */
function startTopic(t: Test) {
  const clock = { nowMs: 1_000_000 }
  const endpoints = new Set(['e'])
  const log: { key: string; state: DeliveryState | undefined }[] = []
  const instances: { store: ReturnType<typeof createDeliveryStateStore>; read: number }[] = []
  const pass = (): void => {
    for (const one of instances) {
      for (; one.read < log.length; one.read += 1) {
        const record = log[one.read]
        if (record !== undefined) one.store.apply(record.key, record.state)
      }
    }
  }
  const start = (instance: string) => {
    const one = { store: createDeliveryStateStore(), read: 0 }
    instances.push(one)
    pass()
    const changes: string[] = []
    const put = (key: string, told: Told | undefined): void => {
      log.push({ key, state: told && { ...told, instance, writtenAtUs: clock.nowMs * 1_000 } })
    }
    const breakers = createBreakers(
      {
        store: one.store,
        writer: { put },
        onChange: (key) => changes.push(key),
        onTransition: () => undefined,
        hasEndpoint: (_tenant, endpoint) => endpoints.has(endpoint),
        now: () => clock.nowMs,
        random: () => 0,
      },
      config,
      instance,
    )
    t.teardown(() => breakers.stop())
    return { breakers, changes }
  }
  const fail = (breakers: ReturnType<typeof start>['breakers'], whose = receiver): void => {
    for (let count = 0; count < 20; count += 1) {
      clock.nowMs += 100
      breakers.report(whose, 'failed', false)
    }
  }
  /** What compaction leaves of the topic. */
  const kept = (): readonly string[] => {
    pass()
    const last = new Map(log.map(({ key, state }) => [key, state]))
    return [...last].filter(([, state]) => state !== undefined).map(([key]) => key)
  }
  return { clock, endpoints, pass, kept, start, fail }
}

t.test('a receiver that keeps failing is not asked, by any instance, nor after a restart', async (t) => {
  const { clock, pass, start, fail } = startTopic(t)
  const a = start('a')
  const b = start('b')
  t.equal(a.breakers.gate('q', leaseMs), 'go')
  fail(a.breakers)
  const until = a.breakers.gate('q', leaseMs)
  t.ok(typeof until === 'object' && until.untilMs > clock.nowMs)
  t.equal(b.breakers.gate('q', leaseMs), 'go')
  pass()
  t.same(b.breakers.gate('q', leaseMs), until)
  t.same(start('c').breakers.gate('q', leaseMs), until)
  t.match(b.breakers.view('q'), { phase: 'open' })
  t.equal(b.breakers.gate('another', leaseMs), 'go')
})

t.test('of all instances one makes the probe, and its success opens the way for all', async (t) => {
  const { clock, pass, start, fail } = startTopic(t)
  const a = start('a')
  const b = start('b')
  fail(a.breakers)
  pass()
  clock.nowMs += config.openMs
  t.equal(b.breakers.gate('q', leaseMs), 'asking')
  t.equal(a.breakers.gate('q', leaseMs), 'asking')
  pass()
  t.equal(b.breakers.gate('q', leaseMs), 'probe', 'its question came first')
  t.type(b.breakers.gate('q', leaseMs), 'object', 'once')
  t.type(a.breakers.gate('q', leaseMs), 'object')
  b.breakers.report(receiver, 'good', true)
  pass()
  t.equal(a.breakers.gate('q', leaseMs), 'go')
  t.equal(b.breakers.gate('q', leaseMs), 'go')
  t.match(a.breakers.view('q'), { phase: 'closed', failingSinceMs: 0 })
})

t.test('each failed probe doubles the time, up to the longest', async (t) => {
  const { clock, pass, start, fail } = startTopic(t)
  const { breakers } = start('a')
  fail(breakers)
  const openMs: number[] = []
  for (let probe = 0; probe < 4; probe += 1) {
    const gate = breakers.gate('q', leaseMs)
    if (typeof gate !== 'object') return t.fail('it is open')
    openMs.push(gate.untilMs - clock.nowMs)
    clock.nowMs = gate.untilMs
    t.equal(breakers.gate('q', leaseMs), 'asking')
    pass()
    t.equal(breakers.gate('q', leaseMs), 'probe')
    breakers.report(receiver, 'failed', true)
    pass()
  }
  t.same(openMs.slice(1), [2_000, 4_000, 4_000])
})

t.test('when the one that probes dies, another one does as soon as its time is over', async (t) => {
  const { clock, pass, start, fail } = startTopic(t)
  const a = start('a')
  const b = start('b')
  fail(a.breakers)
  clock.nowMs += config.openMs
  a.breakers.gate('q', leaseMs)
  pass()
  t.equal(a.breakers.gate('q', leaseMs), 'probe')
  t.type(b.breakers.gate('q', leaseMs), 'object')
  clock.nowMs += leaseMs
  t.equal(b.breakers.gate('q', leaseMs), 'asking')
  pass()
  t.equal(b.breakers.gate('q', leaseMs), 'probe')
})

t.test('a failure that only one instance sees does not count as failing since then', async (t) => {
  const { clock, pass, start } = startTopic(t)
  const a = start('a')
  const b = start('b')
  for (let minute = 0; minute < 3; minute += 1) {
    a.breakers.report(receiver, 'answered', false)
    clock.nowMs += 31_000
    b.breakers.report(receiver, 'good', false)
    clock.nowMs += 1
    pass()
  }
  a.breakers.report(receiver, 'answered', false)
  pass()
  t.match(b.breakers.view('q'), { phase: 'closed', failingSinceMs: 0 })
  pass()
  const { failingSinceMs } = a.breakers.view('q')
  t.ok(failingSinceMs === 0 || clock.nowMs - failingSinceMs < 32_000)
})

t.test('how long it has been failing is known after a restart', async (t) => {
  const { clock, pass, start } = startTopic(t)
  const { breakers } = start('a')
  const sinceMs = clock.nowMs
  breakers.report(receiver, 'answered', false)
  clock.nowMs += 3_600_000
  breakers.report(receiver, 'answered', false)
  pass()
  t.equal(start('b').breakers.view('q').failingSinceMs, sinceMs)
})

const origin = { tenant: 'acme', queueKey: 'acme/origin/https://dead.test', endpoint: '' }
const forgottenMs = 60 * 60 * 1_000 + config.longestOpenMs

t.test('of an origin of postbacks that fails for long nothing is told, and nothing is remembered', (t) => {
  const { clock, kept, start } = startTopic(t)
  const { breakers } = start('a')
  for (let minute = 0; minute < 3; minute += 1) {
    clock.nowMs += 61_000
    breakers.report(origin, 'answered', false)
    breakers.report(receiver, 'answered', false)
  }
  t.same(kept(), ['breaker/q'])
  t.not(breakers.view(origin.queueKey).failingSinceMs, 0)
  clock.nowMs += config.windowMs + 1
  breakers.sweep()
  t.equal(breakers.view(origin.queueKey).failingSinceMs, 0)
  t.not(breakers.view('q').failingSinceMs, 0, 'an endpoint’s counts, however seldom it is asked')
  t.same(kept(), ['breaker/q'])
  t.end()
})

t.test('what nobody asks for any more is forgotten by all, after a restart too', (t) => {
  const { clock, endpoints, pass, kept, start, fail } = startTopic(t)
  const before = start('a').breakers
  for (const whose of [origin, receiver]) {
    fail(before, whose)
    clock.nowMs += config.openMs
    before.gate(whose.queueKey, leaseMs)
    pass()
  }
  const all = [origin, receiver].flatMap(({ queueKey }) => [`breaker/${queueKey}`, `probe/${queueKey}`])
  t.same([...kept()].sort(), [...all].sort())
  const { breakers } = start('b')
  breakers.sweep()
  t.same([...kept()].sort(), [...all].sort(), 'not at once')
  clock.nowMs += leaseMs + forgottenMs
  breakers.sweep()
  t.same([...kept()].sort(), ['breaker/q', 'probe/q'], 'the endpoint is still there')
  t.equal(breakers.gate(origin.queueKey, leaseMs), 'go')
  t.equal(before.gate(origin.queueKey, leaseMs), 'go')
  endpoints.delete('e')
  breakers.sweep()
  t.same(kept(), [])
  t.equal(before.open(), 0)
  t.end()
})

t.test('a breaker that closes leaves nothing behind', (t) => {
  const { clock, pass, kept, start, fail } = startTopic(t)
  const { breakers } = start('a')
  fail(breakers, origin)
  clock.nowMs += config.openMs
  breakers.gate(origin.queueKey, leaseMs)
  pass()
  t.equal(breakers.gate(origin.queueKey, leaseMs), 'probe')
  breakers.report(origin, 'answered', true)
  t.same(kept(), [])
  t.end()
})
