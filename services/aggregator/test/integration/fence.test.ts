import t from 'tap'
import { createMeshFixture } from './mesh-fixture.ts'
import { joinGroup, readCommitted, takeUp } from './partition-owner.ts'

t.test(
  'of two that both think they own a partition, the one that came first is refused for good',
  async (t) => {
    const { config } = await createMeshFixture(t)
    const consumer = await joinGroup(t, config)
    const first = await takeUp(t, config, consumer)
    await first.commit(5, '{"pending":[5,9],"catalog":1}')
    t.strictSame(await readCommitted(config, consumer), [5, '{"pending":[5,9],"catalog":1}'])

    const second = await takeUp(t, config, consumer)
    t.strictSame(await readCommitted(config, consumer), [5, '{"pending":[5,9],"catalog":1}'])
    await second.commit(10)
    await t.rejects(first.commit(10), { message: 'given up' })
    await t.rejects(first.commit(6), { message: 'given up' })
    t.strictSame(first.lost, [true])
    t.strictSame(second.lost, [])
    await second.commit(12)
    t.strictSame(await readCommitted(config, consumer), [12, ''])
  },
)
