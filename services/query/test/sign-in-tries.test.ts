import t from 'tap'
import { createSignInTries } from '../src/sign-in-tries.ts'

t.test('ten failures a minute are let through, then the address waits out its minute', async (t) => {
  let nowMs = 0
  const tries = createSignInTries(() => nowMs)
  for (let count = 0; count < 10; count += 1) {
    t.equal(tries.waitSeconds('192.0.2.1'), 0)
    tries.failed('192.0.2.1')
  }
  nowMs = 20_000
  t.equal(tries.waitSeconds('192.0.2.1'), 40)
  t.equal(tries.waitSeconds('192.0.2.2'), 0, 'others go on')
  nowMs = 60_000
  t.equal(tries.waitSeconds('192.0.2.1'), 0)
})

t.test('a network of IPv6 counts as one address', async (t) => {
  const tries = createSignInTries(() => 0)
  for (let count = 0; count < 10; count += 1) tries.failed(`2001:db8:1:2::${count + 1}`)
  t.ok(tries.waitSeconds('2001:db8:1:2:ffff:ffff:ffff:ffff') > 0)
  t.equal(tries.waitSeconds('2001:db8:1:3::1'), 0)
})

t.test('however many addresses try, what is remembered is bounded', async (t) => {
  const tries = createSignInTries(() => 0)
  for (let index = 0; index < 10_020; index += 1)
    tries.failed(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`)
  t.ok(tries.waitSeconds('198.51.100.7') > 0, 'a new address shares the count of all others')
})
