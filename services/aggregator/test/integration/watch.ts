import { credentials, Metadata } from '@grpc/grpc-js'
import { AggregationServiceClient, type LiveUpdate, type Progress } from '@millrace/proto'
import type { Test } from 'tap'
import type { AggregatorService } from '../../src/service.ts'
import { rootKey } from './mesh-fixture.ts'

export interface Watched<Message> {
  /** In the order in which they came. */
  readonly messages: readonly Message[]
}

export function withKey(key = rootKey): Metadata {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${key}`)
  return metadata
}

export function connect(t: Test, { grpcPort }: AggregatorService): AggregationServiceClient {
  const client = new AggregationServiceClient(`127.0.0.1:${grpcPort}`, credentials.createInsecure())
  t.teardown(() => client.close())
  return client
}

export function watchProgress(t: Test, service: AggregatorService): Watched<Progress> {
  const messages: Progress[] = []
  const call = connect(t, service).watchProgress({}, withKey())
  call.on('data', (message: Progress) => messages.push(message))
  call.on('error', () => {})
  t.teardown(() => call.cancel())
  return { messages }
}

export function watchLive(t: Test, service: AggregatorService, meter: string): Watched<LiveUpdate> {
  const messages: LiveUpdate[] = []
  const call = connect(t, service).watchLive({ tenant: 'default', meter, seconds: 60 }, withKey())
  call.on('data', (message: LiveUpdate) => messages.push(message))
  call.on('error', () => {})
  t.teardown(() => call.cancel())
  return { messages }
}

/** By group, over all seconds. */
export function readLive({ messages }: Watched<LiveUpdate>): Record<string, { count: number; sum: number }> {
  const seconds = new Map<number, LiveUpdate['seconds'][number]['groups']>()
  // Later messages replace the seconds of earlier ones.
  for (const message of messages) {
    if (message.snapshot) seconds.clear()
    for (const { second, groups } of message.seconds) seconds.set(second, groups)
  }
  const byGroup: Record<string, { count: number; sum: number }> = {}
  for (const { values, count, sum } of [...seconds.values()].flat()) {
    const name = values.join('/')
    const before = byGroup[name] ?? { count: 0, sum: 0 }
    byGroup[name] = { count: before.count + count, sum: before.sum + Number(sum) }
  }
  return byGroup
}

export function countLive(watched: Watched<LiveUpdate>): number {
  return Object.values(readLive(watched)).reduce((total, { count }) => total + count, 0)
}
