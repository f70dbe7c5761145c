import { deliveryStateTopic } from '@millrace/proto/topics'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import t, { type Test } from 'tap'
import { toBreakersConfig } from '../../src/config.ts'
import { type SharedState, startSharedState } from '../../src/shared-state.ts'
import { startMesh, until } from './helper.ts'

const noop = (): void => undefined

function start(
  mesh: Awaited<ReturnType<typeof startMesh>>,
  name: string,
  partitions: number,
): Promise<SharedState> {
  return startSharedState(
    {
      logger: mesh.logger,
      partitions: () => partitions,
      onBreaker: noop,
      onTransition: noop,
      hasEndpoint: () => true,
      now: Date.now,
      random: Math.random,
    },
    { ...mesh.config, ...toBreakersConfig(mesh.config) },
    name,
  )
}

async function startInstance(
  t: Test,
  mesh: Awaited<ReturnType<typeof startMesh>>,
  name: string,
  partitions: number,
): Promise<SharedState> {
  const state = await start(mesh, name, partitions)
  t.teardown(() => state.stop())
  return state
}

t.test('what an instance puts is known to the others, and to the next start', async (t) => {
  const mesh = await startMesh()
  t.teardown(() => mesh.stop())
  await ensureTopics([deliveryStateTopic], mesh.config, mesh.logger)
  const first = await startInstance(t, mesh, 'first', 3)
  const second = await startInstance(t, mesh, 'second', 1)
  const open = (openings: number) =>
    ({
      tenant: 'acme',
      state: {
        $case: 'breaker',
        value: { queueKey: 'q', openUntilUs: 5, openings, failingSinceUs: 1, endpoint: '' },
      },
    }) as const
  first.writer.put('breaker/q', open(1))
  await until('the other knows', () => second.store.get('breaker/q') !== undefined)
  first.writer.put('breaker/q', open(2))
  first.writer.put('breaker/gone', open(1))
  await until('the other knows both', () => second.store.get('breaker/gone') !== undefined)
  first.writer.put('breaker/gone', undefined)
  await until('the other has forgotten', () => second.store.get('breaker/gone') === undefined)
  const third = await startInstance(t, mesh, 'third', 0)
  t.match(third.store.get('breaker/q'), { instance: 'first', ...open(2) })
  t.equal(third.store.get('breaker/gone'), undefined)
})

t.test('a rate is shared by the partitions that each reads, until one leaves', async (t) => {
  const mesh = await startMesh()
  t.teardown(() => mesh.stop())
  await ensureTopics([deliveryStateTopic], mesh.config, mesh.logger)
  const first = await startInstance(t, mesh, 'first', 3)
  t.equal(first.instances.share(), 1)
  const second = await start(mesh, 'second', 1)
  await until('they know each other', () => first.instances.share() < 1 && second.instances.share() < 1)
  t.equal(first.instances.share(), 0.75)
  t.equal(second.instances.share(), 0.25)
  await second.stop()
  await until('the one that left is forgotten', () => first.instances.share() === 1)
})
