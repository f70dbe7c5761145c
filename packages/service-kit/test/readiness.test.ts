import t from 'tap'
import { createReadiness } from '../src/readiness.ts'

t.test('a service is ready once nothing is missing, and says what is', async (t) => {
  const readiness = createReadiness(['kafka', 'clickhouse'])
  t.equal(readiness.isReady(), false)
  readiness.set('kafka', undefined)
  t.same(readiness.missing(), { clickhouse: 'not started yet' })
  readiness.set('clickhouse', undefined)
  t.equal(readiness.isReady(), true)
})

t.test('listeners hear of changes between ready and not ready only', async (t) => {
  const readiness = createReadiness(['kafka'])
  const heard: boolean[] = []
  const stop = readiness.onChange((ready) => heard.push(ready))
  readiness.set('kafka', 'no broker answers')
  readiness.set('kafka', undefined)
  readiness.set('kafka', undefined)
  readiness.set('kafka', 'no broker answers')
  stop()
  readiness.set('kafka', undefined)
  t.same(heard, [true, false])
})
