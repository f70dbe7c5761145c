import { setTimeout as delay } from 'node:timers/promises'
import { createMeshHttp } from '../client/mesh-http.ts'
import { waitUntil } from '../local-stack/wait-until.ts'
import type { BenchMesh, BenchService } from './bench-mesh.ts'
import {
  type Arrivals,
  probeMeter,
  watchAggregatorLive,
  watchQueryLive,
  watchReport,
} from './freshness-watch.ts'
import { issueKey } from './issue-key.ts'
import { type KeepAliveClient, openKeepAliveClient } from './keep-alive-client.ts'
import { runOpenLoop } from './open-loop.ts'
import { registerBenchCatalog } from './register-catalog.ts'
import { sampleEvent } from './sample-events.ts'

export interface FreshnessTimes {
  /** Events a second that the whole mesh takes and lands when they are sent as fast as they are accepted. */
  readonly mostPerSecond: number
  /** The highest steady load that is kept up with. */
  readonly sustainedPerSecond: number
  /** Events a second while the times were taken. */
  readonly perSecond: number
  readonly probes: number
  /** From the answer that accepted an event until it was seen, in milliseconds. */
  readonly aggregatorLive: Times
  readonly queryLive: Times
  readonly report: Times
}

interface Times {
  readonly p50: number
  readonly p99: number
}

const batchEvents = 100
/** Not counted: in the first half minute of a load the broker's compiler takes a fifth of a core, later nothing. */
const warmUpSeconds = 20
const mostSeconds = 10
const trySeconds = 8
/** From one try to the next. */
const step = 0.8
const lowest = 500
/** The last of a load that is kept up with have landed no later than this: a report of them may be asked for then. */
const keptUpMs = 1_000
const halfSeconds = 30
/** A second of the live view shows twenty groups; each probe is one. */
const probesPerSecond = 15

/** How late accepted events are seen while half of what the mesh can do flows through it. */
export async function measureFreshness(mesh: BenchMesh): Promise<FreshnessTimes> {
  await registerBenchCatalog(mesh)
  const ingest = await mesh.start('ingest')
  const aggregator = await mesh.start('aggregator')
  const query = await mesh.start('query', { AGGREGATOR_ADDRESSES: aggregator.grpc })
  const http = createMeshHttp({
    ingestUrl: ingest.httpUrl,
    ingestGrpc: '',
    queryUrl: query.httpUrl,
    key: mesh.key,
  })
  const meter = { eventTypes: ['probe.sent'], aggregation: 'count', groupBy: { probe: '/data/probe' } }
  await http.put(`/v1/meters/${probeMeter}`, meter)
  const headers = { authorization: `Bearer ${await issueKey(ingest, mesh.key)}` }
  const client = await openKeepAliveClient(`${ingest.httpUrl}/v1/events`, {
    ...headers,
    'content-type': 'application/cloudevents-batch+json',
  })
  await measureMost(mesh, client, 'warm-up', warmUpSeconds)
  const mostPerSecond = await measureMost(mesh, client, 'most', mostSeconds)
  const sustainedPerSecond = await findSustained(mesh, client, mostPerSecond)
  const pace = { perSecond: sustainedPerSecond / 2 / batchEvents, seconds: halfSeconds }
  const watches = [
    await watchAggregatorLive(aggregator, mesh.key),
    await watchQueryLive(query, mesh.key),
    watchReport(http),
  ] as const
  const load = runOpenLoop(pace, (index) => client.post(batch(`half-${index}`)))
  const acceptedAt = await sendProbes(ingest, headers)
  await load
  const found = await Promise.all(watches.map((watch) => timesOf(acceptedAt, watch)))
  client.close()
  for (const service of [query, aggregator, ingest]) await service.stop()
  const [aggregatorLive, queryLive, report] = found as [Times, Times, Times]
  return {
    mostPerSecond,
    sustainedPerSecond,
    perSecond: Math.round(sustainedPerSecond / 2),
    probes: acceptedAt.length,
    aggregatorLive,
    queryLive,
    report,
  }
}

/** As fast as answers come, from several connections: until the last event has landed. @param name of its own ids */
async function measureMost(
  mesh: BenchMesh,
  client: KeepAliveClient,
  name: string,
  seconds: number,
): Promise<number> {
  const before = await countEvents(mesh)
  const startedAt = performance.now()
  let sent = 0
  const send = async (): Promise<void> => {
    while (performance.now() - startedAt < seconds * 1_000) {
      const number = sent
      sent += 1
      await client.post(batch(`${name}-${number}`))
    }
  }
  await Promise.all([send(), send(), send(), send()])
  const events = sent * batchEvents
  await untilLanded(mesh, before + events)
  return events / ((performance.now() - startedAt) / 1_000)
}

/**
 * What is landed of a backlog is landed in larger batches, and so for less, than what comes at a steady pace.
 * @param most where to begin
 */
async function findSustained(mesh: BenchMesh, client: KeepAliveClient, most: number): Promise<number> {
  for (let perSecond = Math.round(most); perSecond > lowest; perSecond = Math.round(perSecond * step)) {
    const before = await countEvents(mesh)
    const startedAt = performance.now()
    const pace = { perSecond: perSecond / batchEvents, seconds: trySeconds }
    await runOpenLoop(pace, (index) => client.post(batch(`steady-${perSecond}-${index}`)))
    await untilLanded(mesh, before + Math.round(pace.perSecond * trySeconds) * batchEvents)
    if (performance.now() - startedAt < trySeconds * 1_000 + keptUpMs) return perSecond
  }
  throw new Error(`not even ${lowest} events a second are kept up with`)
}

/** @returns when each was accepted, by its number */
async function sendProbes(
  ingest: BenchService,
  headers: Readonly<Record<string, string>>,
): Promise<readonly number[]> {
  const acceptedAt: number[] = []
  const startedAt = performance.now()
  for (let number = 0; number < probesPerSecond * halfSeconds; number += 1) {
    await delay(Math.max(0, startedAt + (number * 1_000) / probesPerSecond - performance.now()))
    const event = {
      specversion: '1.0',
      id: `probe-${number}`,
      source: '/probes',
      type: 'probe.sent',
      time: new Date().toISOString(),
      data: { probe: `probe-${number}` },
    }
    const response = await fetch(`${ingest.httpUrl}/v1/events`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/cloudevents+json' },
      body: JSON.stringify(event),
    })
    acceptedAt.push(performance.now())
    if (!response.ok) throw new Error(await response.text())
    await response.arrayBuffer()
  }
  return acceptedAt
}

async function timesOf(acceptedAt: readonly number[], watch: Arrivals): Promise<Times> {
  await waitUntil(() => watch.seenAt.size >= acceptedAt.length, {
    timeoutMs: 60_000,
    everyMs: 50,
    what: `${acceptedAt.length} probes in ${watch.name}`,
  })
  await watch.stop()
  const times = acceptedAt
    .map((at, number) => Math.max(0, (watch.seenAt.get(number) ?? Number.NaN) - at))
    .sort((a, b) => a - b)
  const quantile = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN
  return { p50: quantile(0.5), p99: quantile(0.99) }
}

function batch(name: string): string {
  const time = new Date().toISOString()
  return JSON.stringify(
    Array.from({ length: batchEvents }, (_, index) => ({ ...sampleEvent(`${name}-${index}`, index), time })),
  )
}

function untilLanded(mesh: BenchMesh, events: number): Promise<void> {
  return waitUntil(async () => (await countEvents(mesh)) >= events, {
    timeoutMs: 120_000,
    everyMs: 20,
    what: 'all events to have landed',
  })
}

async function countEvents(mesh: BenchMesh): Promise<number> {
  const response = await fetch(mesh.clickhouse.url, {
    method: 'POST',
    body: 'SELECT count() FROM millrace.events',
  })
  if (!response.ok) throw new Error(await response.text())
  return Number(await response.text())
}
