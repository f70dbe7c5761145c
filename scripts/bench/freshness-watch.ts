import { get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { credentials, Metadata } from '@grpc/grpc-js'
import { AggregationServiceClient, type LiveUpdate } from '@millrace/proto'
import type { MeshHttp } from '../client/mesh-http.ts'
import type { BenchService } from './bench-mesh.ts'

/** When probes were first seen somewhere, by their numbers. */
export interface Arrivals {
  readonly name: string
  readonly seenAt: ReadonlyMap<number, number>
  stop(): void | Promise<void>
}

export const probeMeter = 'probes'
const reportEveryMs = 25

/** The aggregator's own stream, which query reads. */
export async function watchAggregatorLive({ grpc }: BenchService, key: string): Promise<Arrivals> {
  const seenAt = new Map<number, number>()
  const client = new AggregationServiceClient(grpc, credentials.createInsecure())
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${key}`)
  const call = client.watchLive({ tenant: 'default', meter: probeMeter, seconds: 60 }, metadata)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  call.on('data', ({ seconds }: LiveUpdate) => {
    resolve()
    for (const { groups } of seconds) for (const { values } of groups) see(seenAt, values.join())
  })
  // Without effect once something has come: it is cancelled in the end.
  call.on('error', reject)
  await promise
  return {
    name: "the aggregator's live stream",
    seenAt,
    stop: () => {
      call.cancel()
      client.close()
    },
  }
}

/** What a reader of the live view gets. */
export function watchQueryLive({ httpUrl }: BenchService, key: string): Promise<Arrivals> {
  const seenAt = new Map<number, number>()
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}` }
    const request = get(`${httpUrl}/v1/reports/${probeMeter}/live`, { headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
      let text = ''
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
        const end = text.lastIndexOf('\n\n')
        if (end === -1) return
        for (const [probe] of text.slice(0, end).matchAll(/probe-\d+/g)) see(seenAt, probe)
        text = text.slice(end)
      })
      resolve({
        name: "query's live stream",
        seenAt,
        stop: () => {
          request.removeAllListeners('error').on('error', () => {})
          request.destroy()
        },
      })
    })
    request.on('error', reject)
  })
}

/** One report after another, each over all that was sent. */
export function watchReport(http: MeshHttp): Arrivals {
  const seenAt = new Map<number, number>()
  const hourMs = 3_600_000
  const range = {
    from: new Date(Date.now() - hourMs).toISOString(),
    to: new Date(Date.now() + hourMs).toISOString(),
    window: 'total',
    groupBy: 'probe',
  }
  const stopping = new AbortController()
  const watch = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const { rows } = await http.report(probeMeter, range)
      for (const { group } of rows) see(seenAt, group.probe ?? '')
      await delay(reportEveryMs)
    }
  }
  const watching = watch()
  return {
    name: 'a report',
    seenAt,
    stop: () => {
      stopping.abort()
      return watching
    },
  }
}

function see(seenAt: Map<number, number>, probe: string): void {
  const number = Number(/^probe-(\d+)$/.exec(probe)?.[1])
  if (Number.isInteger(number) && !seenAt.has(number)) seenAt.set(number, performance.now())
}
