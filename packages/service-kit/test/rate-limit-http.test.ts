import { fastify } from 'fastify'
import t from 'tap'
import { installProblems } from '../src/problem-http.ts'
import { installRateLimits, type RateLimitAnswer } from '../src/rate-limit-http.ts'

const within: RateLimitAnswer = {
  admitted: true,
  quota: 5,
  windowSeconds: 1,
  remaining: 4,
  resetSeconds: 1,
  retryAfterSeconds: 1,
}

t.test('a limited request is told its limit, and refused over it', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  installProblems(app)
  const answers: (RateLimitAnswer | undefined)[] = [
    within,
    { ...within, admitted: false, remaining: 0, retryAfterSeconds: 7 },
    undefined,
  ]
  installRateLimits(app, () => answers.shift())
  app.post('/', () => 'done')
  const send = () =>
    app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'application/json' }, payload: '{}' })
  const first = await send()
  t.equal(first.statusCode, 200)
  t.match(first.headers, { 'ratelimit-policy': '"key";q=5;w=1', ratelimit: '"key";r=4;t=1' })
  const refused = await send()
  t.equal(refused.statusCode, 429)
  t.match(refused.headers, { 'retry-after': '7', ratelimit: '"key";r=0;t=1' })
  t.match(refused.json(), { type: 'urn:millrace:problem:rate-limited', status: 429 })
  const unlimited = await send()
  t.equal(unlimited.statusCode, 200)
  t.equal(unlimited.headers.ratelimit, undefined)
})
