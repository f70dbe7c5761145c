import t from 'tap'
import { TokenBucket } from '../src/token-bucket.ts'

t.test('a bucket holds one second’s worth and fills at its rate', async (t) => {
  const bucket = new TokenBucket(10, 0)
  for (let taken = 1; taken <= 10; taken += 1) t.ok(bucket.take(1, 0), `token ${taken}`)
  t.notOk(bucket.take(1, 0))
  t.notOk(bucket.take(1, 99), 'not yet a whole one')
  t.ok(bucket.take(1, 100))
  t.equal(bucket.level(60_000), 10, 'never more than a second’s worth')
})

t.test('a batch is admitted while a token is there, and is paid afterwards', async (t) => {
  const bucket = new TokenBucket(10, 0)
  t.ok(bucket.take(100, 0))
  t.equal(bucket.level(0), -90)
  t.notOk(bucket.take(1, 9_000))
  t.ok(bucket.take(1, 9_100))
})

t.test('a slow limit still holds one token', async (t) => {
  const bucket = new TokenBucket(0.5, 0)
  t.ok(bucket.take(1, 0))
  t.notOk(bucket.take(1, 1_999))
  t.ok(bucket.take(1, 2_000))
})

t.test('a clock that is set back gives no tokens and takes none', async (t) => {
  const bucket = new TokenBucket(10, 60_000)
  bucket.charge(10, 60_000)
  t.equal(bucket.level(0), 0)
  t.equal(bucket.level(500), 5)
})

t.test('however it is asked, no more goes out than the rate and one burst', async (t) => {
  const bucket = new TokenBucket(50, 0)
  let taken = 0
  for (let ms = 0; ms <= 10_000; ms += 3) if (bucket.take(1, ms)) taken += 1
  t.ok(taken <= 50 * 10 + 50, `${taken}`)
  t.ok(taken >= 50 * 10, `${taken}`)
})
