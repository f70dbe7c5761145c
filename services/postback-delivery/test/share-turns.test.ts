import t from 'tap'
import { shareTurns } from '../src/share-turns.ts'

const limits = { inAll: 16, perTenant: 4 }
const of = (tenant: string, count: number) =>
  Array.from({ length: count }, (_, n) => ({ tenant, name: `${tenant}${n}` }))
const chosen = (waiting: readonly { tenant: string; name: string }[], running: readonly string[] = []) =>
  shareTurns(waiting, running, limits).map(({ name }) => name)

t.test('a tenant alone gets its own limit, in the order of its requests', async (t) => {
  t.same(chosen(of('a', 9)), ['a0', 'a1', 'a2', 'a3'])
  t.same(chosen(of('a', 9), ['a', 'a', 'a']), ['a0'])
  t.same(chosen(of('a', 9), ['a', 'a', 'a', 'a']), [])
})

t.test('a tenant with many waits behind none of the others', async (t) => {
  t.same(chosen([...of('a', 9), ...of('b', 1)], ['a', 'a', 'a']), ['b0', 'a0'])
})

t.test('what is left free goes to those who have nothing under way', async (t) => {
  const three = ['a', 'b', 'c'].flatMap((tenant) => [tenant, tenant, tenant, tenant])
  // Four are free, then two, then one.
  t.same(chosen(of('d', 9), three), ['d0', 'd1'])
  t.same(chosen(of('e', 9), [...three, 'd', 'd']), ['e0'])
  t.same(chosen([...of('d', 9), ...of('f', 9)], [...three, 'd', 'd', 'e']), ['f0'])
  t.same(chosen(of('g', 9), [...three, 'd', 'd', 'e', 'f']), [], 'no more than there are')
})
