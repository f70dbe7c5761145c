import type { Test } from 'tap'
import { createAcceptEvents } from '../../src/accept-events.ts'
import { createAcceptPlainEvents } from '../../src/accept-plain-events.ts'
import type { EventProducer, PartitionedRecord } from '../../src/event-producer.ts'
import { type SampleHttp, startSampleHttp } from '../sample-doors.ts'
import type { SentRequest } from './requests.ts'

export interface DoorUnderTest extends SampleHttp {
  readonly appended: PartitionedRecord[]
}

/** The whole of ingest but its Kafka. */
export async function startDoor(t: Test): Promise<DoorUnderTest> {
  const appended: PartitionedRecord[] = []
  const append = async (records: readonly PartitionedRecord[]) => {
    appended.push(...records)
    return []
  }
  const appendFor: EventProducer['appendFor'] = (records, outcome) => {
    appended.push(...records)
    outcome.confirmed([])
  }
  const log = () => ({ producer: { append, appendFor }, partitions: 4 })
  const acceptEvents = createAcceptEvents({ log, checkEvent: () => undefined }, { maxEventBytes: 4_000 })
  const acceptPlainEvents = createAcceptPlainEvents(
    { log, isUnchecked: () => true },
    { maxEvents: 100, maxEventBytes: 4_000 },
  )
  const sample = await startSampleHttp(
    t,
    { acceptEvents, acceptPlainEvents },
    { headersTimeoutMs: 500, receiveTimeoutMs: 500 },
  )
  return { ...sample, appended }
}

export interface Answer {
  readonly status: number
  readonly contentType: string | undefined
  readonly body: string
}

/** What is wrong with an answer to whatever was sent; undefined when it is as it has to be. */
export function faultOf({ status, contentType, body }: Answer): string | undefined {
  if (status >= 200 && status < 300) return undefined
  if (status < 400 || status >= 500) return `status ${status}: ${body}`
  if (contentType !== 'application/problem+json') return `${status} as ${contentType}`
  const {
    type,
    detail,
    status: told,
  } = JSON.parse(body) as { type?: string; detail?: string; status?: number }
  if (told !== status || !type?.startsWith('urn:millrace:problem:')) return `${status}: ${body}`
  if (!detail || detail.length < 15 || /undefined|\[object|node_modules|\n +at /.test(detail))
    return `detail: ${detail}`
  return undefined
}

export async function inject({ app }: DoorUnderTest, { payload, ...request }: SentRequest): Promise<Answer> {
  // Without a body there is no content-length either, as clients have it.
  const response = await app.inject({ ...request, ...(payload.length > 0 && { payload }) })
  return {
    status: response.statusCode,
    contentType: response.headers['content-type'] as string | undefined,
    body: response.body,
  }
}

/** How much reached the other side of the door. */
export const acceptedBy = ({ appended, postbacks, writes, commands }: DoorUnderTest): number =>
  appended.length + postbacks.length + writes.length + commands.length
