import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connectClickhouse } from '@millrace/service-kit/clickhouse-client'
import { createLogger } from '@millrace/service-kit/log'
import { createReadiness } from '@millrace/service-kit/readiness'
import t from 'tap'
import { retryUntilDone } from '../src/retry.ts'
import { createRowWriter } from '../src/row-writer.ts'

t.test(
  'an insert that takes longer than its first time is given more, until it is told to be done',
  async (t) => {
    const server = createServer((request, response) => {
      request.resume()
      // Like a ClickHouse under a load: it goes on with what is given up, and answers nobody in time.
      const answer = setTimeout(() => response.end(), 300)
      response.on('close', () => clearTimeout(answer))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const config = {
      clickhouseUrl: `http://127.0.0.1:${port}`,
      clickhouseDatabase: 'default',
      clickhouseUser: 'default',
      clickhousePassword: '',
    }
    const clickhouse = connectClickhouse(config, 'test', 60_000)
    t.teardown(async () => {
      await clickhouse.close()
      server.close()
    })
    let retries = 0
    const { insert } = createRowWriter({
      clickhouse,
      readiness: createReadiness([]),
      logger: createLogger('test', 'silent'),
      onRetry: () => {
        retries += 1
      },
      limitMs: 50,
    })
    const block = { table: 'events', columns: ['id'], rows: Buffer.from('\u0001a'), token: 'a' }
    await insert(block, new AbortController().signal)
    t.ok(retries >= 2, `${retries} attempts were given up`)
  },
)

t.test('an attempt ends with what it is a part of', async (t) => {
  const ending = new AbortController()
  let ofAttempt: AbortSignal | undefined
  const tried = retryUntilDone(
    (signal) => {
      ofAttempt = signal
      ending.abort(new Error('the lane is closed'))
      return new Promise((_, reject) => reject(signal.reason))
    },
    { signal: ending.signal, limitMs: 60_000 },
  )
  await t.rejects(tried, /the lane is closed/)
  t.ok(ofAttempt?.aborted)
})
