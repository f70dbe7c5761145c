import t from 'tap'
import { createRequestBudget } from '../src/request-budget.ts'

t.test('shares count until they are closed, whatever they gave back before', async (t) => {
  const budget = createRequestBudget(100_000)
  const share = budget.open()
  const empty = budget.heldBytes()
  t.ok(empty > 0, 'a request costs something without a body')
  share.take(50_000)
  share.give(20_000)
  t.equal(budget.heldBytes(), empty + 30_000)
  share.close()
  share.close()
  share.take(10)
  share.give(10)
  t.equal(budget.heldBytes(), 0)
})

t.test('what is too much is refused and not counted', async (t) => {
  const budget = createRequestBudget(100_000)
  const [first, second] = [budget.open(), budget.open()]
  first.take(80_000)
  const held = budget.heldBytes()
  t.throws(() => second.take(20_000), { code: 'unavailable', retryAfterSeconds: 1 })
  t.equal(budget.heldBytes(), held)
  second.take(1_000)
  first.close()
  second.take(20_000)
})

t.test('requests without bodies count as well', async (t) => {
  const budget = createRequestBudget(10_000)
  budget.open()
  budget.open()
  t.throws(() => budget.open(), { code: 'unavailable' })
})

t.test('a request that is larger than the budget passes when there is no other', async (t) => {
  const budget = createRequestBudget(10_000)
  const large = budget.open()
  large.take(30_000)
  large.take(30_000)
  t.throws(() => budget.open(), { code: 'unavailable' })
  large.close()
  budget.open()
  t.throws(() => budget.open().take(30_000), { code: 'unavailable' })
})
