// Events and postbacks that flow through a mesh while something happens to it, and the count of what became of them.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import {
  createRepeatingSender,
  describeFailedTries,
  type FailedTry,
  jsonHeaders,
} from './repeating-sender.ts'

export interface LoadTarget {
  readonly ingest: string
  readonly query: string
  readonly key: string
  /** Address of this machine that postback-delivery may call. */
  readonly receiver: string
  /** Events a second. */
  readonly rate: number
  /** How often the same is sent before it counts as refused. */
  readonly tries: number
}

export interface LoadCount {
  /** For how long it was sent. */
  readonly seconds: number
  readonly accepted: number
  readonly counted: number
  readonly postbacks: number
  readonly received: number
  readonly receivedAgain: number
  readonly sentAgain: readonly FailedTry[]
  readonly refusals: readonly FailedTry[]
}

const perRequest = 10
const requestsPerPostback = 10
const settleMs = 180_000
/** Within which what was counted twice would have shown as well. */
const doubleCountMs = 10_000
const readTimeoutMs = 5_000
const late = `${settleMs / 1_000} s after the load had ended`

/** Sends until it is stopped; then waits until all that was accepted is counted and received, or for three minutes. */
export async function startLoad(target: LoadTarget): Promise<{ stop(): Promise<LoadCount> }> {
  const run = `run-${Date.now()}`
  await putMeter(target)
  const receiver = await startReceiver(target.receiver)
  const sender = createRepeatingSender(target)
  let accepted = 0
  let postbacks = 0
  let stopped = false
  const underWay: Promise<void>[] = []
  const sendOnce = (sent: number): void => {
    const events = Array.from({ length: perRequest }, () => ({
      id: randomUUID(),
      source: '/rolling',
      type: 'millrace.rolling',
      data: { run },
    }))
    underWay.push(
      sender.send('/v1/events', events).then((ok) => {
        if (ok) accepted += perRequest
      }),
    )
    if (sent % requestsPerPostback !== 0) return
    const postback = { endpoint: { method: 'GET', url: receiver.url }, data: [{ id: randomUUID() }] }
    underWay.push(
      sender.send('/v1/postbacks', postback).then((ok) => {
        if (ok) postbacks += 1
      }),
    )
  }
  const everyMs = (1_000 * perRequest) / target.rate
  const startedMs = Date.now()
  const sending = (async () => {
    for (let sent = 0; !stopped; ) {
      // Whoever was kept waiting sends what became due meanwhile at once: the rate holds on a busy machine too.
      for (; sent * everyMs <= Date.now() - startedMs; sent += 1) sendOnce(sent)
      await delay(everyMs)
    }
  })()
  return {
    async stop() {
      stopped = true
      await sending
      const seconds = (Date.now() - startedMs) / 1_000
      await Promise.all(underWay)
      const deadline = Date.now() + settleMs
      let counted = await readCount(target, run)
      while (Date.now() < deadline && (counted < accepted || receiver.times.size < postbacks)) {
        await delay(500)
        counted = await readCount(target, run)
      }
      await delay(doubleCountMs)
      // As long as it cannot be read, what was read before stands.
      counted = Math.max(counted, await readCount(target, run))
      receiver.close()
      const receivedAgain = [...receiver.times.values()].reduce((sum, times) => sum + times - 1, 0)
      const { sentAgain, refusals } = sender
      const received = receiver.times.size
      return { seconds, accepted, counted, postbacks, received, receivedAgain, sentAgain, refusals }
    },
  }
}

/** What a run may not show. Who was answered late may have been accepted: then more is counted than was said, never less. */
export function faultsOf(count: LoadCount): readonly string[] {
  const { accepted, counted, postbacks, received, refusals } = count
  return [
    ...(counted < accepted ? [`${accepted - counted} events not counted ${late}`] : []),
    ...(counted > accepted && refusals.length === 0 ? [`${counted - accepted} events counted twice`] : []),
    ...(received < postbacks ? [`${postbacks - received} postbacks not received ${late}`] : []),
    ...describeFailedTries(refusals).map((line) => `refused ${line}`),
  ]
}

export function describeCount(count: LoadCount): string {
  const { seconds, accepted, counted, postbacks, received, receivedAgain, sentAgain } = count
  return [
    `${accepted} events accepted (${Math.round(accepted / seconds)} a second), ${counted} counted`,
    `${postbacks} postbacks accepted, ${received} received, ${receivedAgain} again`,
    `${sentAgain.length} requests sent again`,
  ].join('; ')
}

async function putMeter({ ingest, key }: LoadTarget): Promise<void> {
  const meter = { eventTypes: ['millrace.rolling'], aggregation: 'count', groupBy: { run: '/data/run' } }
  const response = await fetch(`${ingest}/v1/meters/rolling-load`, {
    method: 'PUT',
    headers: jsonHeaders(key),
    body: JSON.stringify(meter),
  })
  if (!response.ok) throw new Error(`the meter cannot be made: ${response.status} ${await response.text()}`)
}

async function startReceiver(host: string) {
  const times = new Map<string, number>()
  const server = createServer((request, response) => {
    const id = new URL(request.url ?? '/', 'http://receiver').searchParams.get('id') ?? ''
    times.set(id, (times.get(id) ?? 0) + 1)
    response.end('ok')
  })
  server.listen(0, host)
  await once(server, 'listening')
  return {
    times,
    url: `http://${host}:${(server.address() as AddressInfo).port}/?id={id}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function readCount({ query, key }: LoadTarget, run: string): Promise<number> {
  const url = `${query}/v1/reports/rolling-load?window=total&filter.run=${run}`
  try {
    const headers = { authorization: `Bearer ${key}` }
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(readTimeoutMs) })
    if (!response.ok) return 0
    const report = (await response.json()) as { rows: { value: number }[] }
    return report.rows[0]?.value ?? 0
  } catch {
    // Away for the moment, or silent: it is asked again.
    return 0
  }
}
