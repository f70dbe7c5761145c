import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { openKeepAliveClient } from './keep-alive-client.ts'
import { median, startNode } from './measure.ts'
import { nativeTopic } from './native-topic.ts'
import { type AnswerTimes, runOpenLoop } from './open-loop.ts'
import { measuredCore, pinToCores } from './pin-cores.ts'
import { sampleEvent } from './sample-events.ts'

const rounds = 3
const seconds = 4

export interface IngestTimes {
  readonly perSecond: number
  /** Single events over HTTP, answered after Kafka's confirmation. */
  readonly ingest: AnswerTimes
  /** The native producer's own round trip, `acks=all`, without lingering. */
  readonly broker: AnswerTimes
}

/** Answer times of single events at a given rate beside the broker's round trip at the same rate, in turn; each has the measured core. */
export async function measureIngestTimes(
  mesh: BenchMesh,
  ingest: BenchService,
  key: string,
  perSecond: number,
): Promise<IngestTimes> {
  const pace = { perSecond: Math.floor(perSecond), seconds }
  const bodies = Array.from({ length: 1_000 }, (_, index) =>
    JSON.stringify(sampleEvent(`times-${index}`, index)),
  )
  const client = await openKeepAliveClient(`${ingest.httpUrl}/v1/events`, {
    'content-type': 'application/cloudevents+json',
    authorization: `Bearer ${key}`,
  })
  const found: { ingest: AnswerTimes[]; broker: AnswerTimes[] } = { ingest: [], broker: [] }
  for (let round = 0; round < rounds; round += 1) {
    found.ingest.push(await runOpenLoop(pace, (index) => client.post(bodies[index % bodies.length] ?? '')))
    const args = [
      mesh.kafka.bootstrapServers,
      nativeTopic.name,
      'times',
      String(pace.perSecond),
      String(seconds),
    ]
    const child = await startNode(new URL('native-produce.ts', import.meta.url), args)
    pinToCores([child.pid], measuredCore)
    found.broker.push(JSON.parse(await child.firstLine) as AnswerTimes)
    await child.stop()
  }
  client.close()
  return { perSecond: pace.perSecond, ingest: medians(found.ingest), broker: medians(found.broker) }
}

const medians = (rounds: readonly AnswerTimes[]): AnswerTimes => ({
  count: median(rounds.map((it) => it.count)),
  p50: median(rounds.map((it) => it.p50)),
  p99: median(rounds.map((it) => it.p99)),
})
