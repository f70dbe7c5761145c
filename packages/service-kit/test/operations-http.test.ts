import t from 'tap'
import { Counter, createMetrics } from '../src/metrics.ts'
import { startOperationsDoor } from '../src/operations-http.ts'
import { createReadiness } from '../src/readiness.ts'

t.test('the operations door is live at once and ready only when nothing is missing', async (t) => {
  const metrics = createMetrics('sample')
  new Counter({ name: 'millrace_sample_things_total', help: 'things', registers: [metrics] }).inc(3)
  const readiness = createReadiness(['kafka'])
  const door = await startOperationsDoor(
    { metrics, readiness },
    { operationsHost: '127.0.0.1', operationsPort: 0 },
  )
  t.teardown(() => door.stop())
  const get = (path: string) => fetch(`http://127.0.0.1:${door.port}${path}`)
  t.equal((await get('/healthz/live')).status, 200)
  const before = await get('/healthz/ready')
  t.equal(before.status, 503)
  t.match(await before.json(), { missing: { kafka: 'not started yet' } })
  readiness.set('kafka', undefined)
  t.equal((await get('/healthz/ready')).status, 200)
  t.match(await (await get('/metrics')).text(), /millrace_sample_things_total\{service="sample"\} 3/)
  const wrong = await fetch(`http://127.0.0.1:${door.port}/metrics`, { method: 'POST' })
  t.equal(wrong.status, 405)
  t.equal(wrong.headers.get('allow'), 'GET')
  t.match(await (await get('/healthz')).json(), { type: 'urn:millrace:problem:not-found', status: 404 })
})
