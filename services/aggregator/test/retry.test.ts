import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { type ClickHouseClient, connectClickhouse } from '@millrace/service-kit/clickhouse-client'
import { createLogger } from '@millrace/service-kit/log'
import { createReadiness } from '@millrace/service-kit/readiness'
import t, { type Test } from 'tap'
import { retryUntilDone } from '../src/retry.ts'
import { createRowWriter } from '../src/row-writer.ts'

const block = { table: 'events', columns: ['id'], rows: Buffer.from('\u0001a'), token: 'a' }

async function startWriter(
  t: Test,
  {
    answer,
    onAnswer,
    ...options
  }: {
    answer: RequestListener
    onAnswer?: () => void
    onRetry: () => void
    limitMs: number
    replicated?: boolean
  },
) {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
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
    server.closeAllConnections()
    server.close()
  })
  const exec: ClickHouseClient['exec'] = async (statement) => {
    const answered = await clickhouse.exec(statement)
    onAnswer?.()
    return answered
  }
  const logger = createLogger('test', 'silent')
  const watched = { exec } as ClickHouseClient
  return createRowWriter({ clickhouse: watched, readiness: createReadiness([]), logger, ...options })
}

t.test(
  'an insert that takes longer than its first time is given more, until it is told to be done',
  async (t) => {
    let retries = 0
    const writer = await startWriter(t, {
      answer(request, response) {
        request.resume()
        // Like a ClickHouse under a load: it goes on with what is given up, and answers nobody in time.
        const answer = setTimeout(() => response.end(), 300)
        response.on('close', () => clearTimeout(answer))
      },
      onRetry: () => {
        retries += 1
      },
      limitMs: 50,
    })
    await writer.insert(block, new AbortController().signal)
    t.ok(retries >= 2, `${retries} attempts were given up`)
  },
)

t.test('what took too long to confirm is not inserted, and ends with its lane', async (t) => {
  const lane = new AbortController()
  let requests = 0
  const close = () => lane.abort(new Error('the lane is closed'))
  const writer = await startWriter(t, {
    // A connection that is dead from then on.
    answer() {
      requests += 1
      close()
    },
    onRetry: close,
    limitMs: 20,
  })
  await t.rejects(writer.insert({ ...block, confirm: () => sleep(100) }, lane.signal))
  t.ok(lane.signal.aborted)
  t.equal(requests, 0)
})

t.test('an insert whose answer never ends is over with its lane', async (t) => {
  const lane = new AbortController()
  const begun = Promise.withResolvers<void>()
  const writer = await startWriter(t, {
    answer(request, response) {
      request.resume()
      request.on('end', () => response.write(' '))
    },
    onAnswer: begun.resolve,
    onRetry: () => t.fail('tried again'),
    limitMs: 60_000,
  })
  const inserted = writer.insert(block, lane.signal)
  await begun.promise
  await setImmediate()
  lane.abort(new Error('the lane is closed'))
  await t.rejects(inserted, /the lane is closed/)
})

t.test('replicas are asked again for a block that one of them may have been given before', async (t) => {
  const attemptsOf = async (answers: readonly number[], replicated: boolean, mayBeThere: boolean) => {
    let asked = 0
    let confirmed = 0
    const writer = await startWriter(t, {
      answer(request, response) {
        response.statusCode = answers[asked] ?? 200
        asked += 1
        request.resume().on('end', () => response.end())
      },
      onRetry: () => {},
      limitMs: 60_000,
      replicated,
    })
    const confirm = async () => {
      confirmed += 1
    }
    await writer.insert({ ...block, mayBeThere, confirm }, new AbortController().signal)
    t.equal(confirmed, asked, 'no block is sent that is not confirmed')
    return asked
  }
  t.equal(await attemptsOf([], true, false), 1, 'nobody was given it before')
  t.equal(await attemptsOf([], true, true), 2)
  t.equal(await attemptsOf([500], true, false), 3, 'the first may have been taken, whatever it was answered')
  t.equal(await attemptsOf([500, 200, 500], true, false), 5, 'nor is it enough to be told once')
  t.equal(await attemptsOf([500], false, true), 2, 'a single server knows what it has')
})

t.test('only an attempt that was not done in time gives the next one more', async (t) => {
  const failures: string[] = []
  let attempts = 0
  await retryUntilDone(
    async (signal) => {
      attempts += 1
      if (attempts === 6) return
      if (attempts <= 3) throw new Error('ECONNREFUSED')
      await once(signal, 'abort')
      throw signal.reason
    },
    {
      signal: new AbortController().signal,
      limitMs: 100,
      onFailure: (error) => failures.push((error as Error).message),
    },
  )
  const refused = Array.from({ length: 3 }, () => 'ECONNREFUSED')
  t.strictSame(failures, [...refused, 'not done within 100 ms', 'not done within 200 ms'])
})

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
