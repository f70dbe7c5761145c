import { credentials, Metadata, status } from '@grpc/grpc-js'
import { scopes } from '@millrace/catalog/scopes'
import {
  CloudEvent,
  DeliveryServiceClient,
  GetReportRequest,
  IngestServiceClient,
  ListDeliveriesRequest,
  ListEventsRequest,
  LiveRequest,
  PublishRequest,
  PublishStreamRequest,
  QueryServiceClient,
  ReplayDeliveriesRequest,
} from '@millrace/proto'
import type { ServiceProcess } from '../../api/service-process.ts'
import { rootKey } from './running-mesh.ts'

/** What a call needs of its key. */
const scopeOf: Readonly<Record<string, string>> = {
  publish: 'events:write',
  publishStream: 'events:write',
  getReport: 'reports:read',
  live: 'reports:read',
  listEvents: 'events:read',
  getEvent: 'events:read',
  listCatalog: 'catalog:read',
  getCatalogResource: 'catalog:read',
  listKeys: 'keys:admin',
  getKey: 'keys:admin',
  listDeliveries: 'deliveries:read',
  getDelivery: 'deliveries:read',
  getPostback: 'deliveries:read',
  summarizeDeliveries: 'deliveries:read',
  getDeliveryState: 'deliveries:read',
  getEndpointState: 'deliveries:read',
  holdEndpoint: 'deliveries:replay',
  releaseEndpoint: 'deliveries:replay',
  replayDeliveries: 'deliveries:replay',
}

export interface GrpcStage {
  readonly ingest: ServiceProcess
  readonly query: ServiceProcess
  readonly delivery: ServiceProcess
  readonly ids: KnownIds
  readonly ingestAlone: ServiceProcess
  readonly queryAlone: ServiceProcess
  readonly deliveryAlone: ServiceProcess
  key(wanted: readonly string[], limit?: { readonly perSecond: number }): Promise<string>
}

interface Doors {
  readonly ingest: ServiceProcess
  readonly query: ServiceProcess
  readonly delivery: ServiceProcess
  readonly ids: KnownIds
}

/** Of what is there. */
interface KnownIds {
  readonly delivery: string
  readonly postback: string
  readonly key: string
  /** Of two events. */
  readonly twins: string
}

/** Which of the requests of a call is sent. */
type Kind = 'good' | 'faulty' | 'unknown' | 'ambiguous'

const nothing = Buffer.alloc(0)

/** @returns name of the status that the call came to; of a stream that goes on, OK with its first answer */
async function statusOf(doors: Doors, call: string, kind: Kind, key: string | undefined): Promise<string> {
  const metadata = new Metadata()
  if (key !== undefined) metadata.set('authorization', `Bearer ${key}`)
  const secure = credentials.createInsecure()
  const ingest = new IngestServiceClient(doors.ingest.grpcAddress, secure)
  const query = new QueryServiceClient(doors.query.grpcAddress, secure)
  const delivery = new DeliveryServiceClient(doors.delivery.grpcAddress, secure)
  const code = await new Promise<status>((resolve) => {
    const done = (error: { code: status } | null): void => resolve(error?.code ?? status.OK)
    const meter = kind === 'unknown' ? 'nobody-knows-it' : 'visits'
    const endpoint = kind === 'unknown' ? 'nobody-knows-it' : 'partner-a'
    const event = { ...CloudEvent.decode(nothing), type: kind === 'faulty' ? '' : 'visit.recorded' }
    switch (call) {
      case 'publish':
        ingest.publish({ ...PublishRequest.decode(nothing), events: [event] }, metadata, done)
        break
      case 'publishStream': {
        const stream = ingest.publishStream(metadata)
        stream.on('data', () => stream.end())
        stream.on('status', done)
        stream.on('error', () => {})
        stream.write({ ...PublishStreamRequest.decode(nothing), sequence: '1', events: [event] })
        break
      }
      case 'getReport': {
        const window = kind === 'faulty' ? 'aeon' : 'day'
        query.getReport({ ...GetReportRequest.decode(nothing), meter, window }, metadata, done)
        break
      }
      case 'live': {
        const seconds = kind === 'faulty' ? 1_000_000 : 60
        const stream = query.live({ ...LiveRequest.decode(nothing), meter, seconds }, metadata)
        stream.on('data', () => resolve(status.OK))
        stream.on('status', done)
        stream.on('error', () => {})
        break
      }
      case 'listEvents': {
        const limit = kind === 'faulty' ? 1_000_000 : 1
        query.listEvents({ ...ListEventsRequest.decode(nothing), limit }, metadata, done)
        break
      }
      case 'getEvent': {
        const id = { good: 'v-1', ambiguous: doors.ids.twins, unknown: 'nobody-knows-it', faulty: '' }[kind]
        query.getEvent({ id, source: '' }, metadata, done)
        break
      }
      case 'listCatalog': {
        const resources = kind === 'faulty' ? 'keys' : 'event-types'
        query.listCatalog({ kind: resources, limit: 0, cursor: '' }, metadata, done)
        break
      }
      case 'getCatalogResource': {
        const resources = kind === 'faulty' ? 'keys' : 'meters'
        query.getCatalogResource({ kind: resources, name: meter }, metadata, done)
        break
      }
      case 'listKeys':
        query.listKeys({ limit: kind === 'faulty' ? 1_000_000 : 1, cursor: '' }, metadata, done)
        break
      case 'getKey':
        query.getKey({ id: kind === 'unknown' ? 'nobody-knows-it' : doors.ids.key }, metadata, done)
        break
      case 'listDeliveries': {
        const limit = kind === 'faulty' ? 1_000_000 : 1
        query.listDeliveries({ ...ListDeliveriesRequest.decode(nothing), limit }, metadata, done)
        break
      }
      case 'getDelivery':
        query.getDelivery({ id: kind === 'unknown' ? 'nobody-knows-it' : doors.ids.delivery }, metadata, done)
        break
      case 'getPostback':
        query.getPostback({ id: kind === 'unknown' ? 'nobody-knows-it' : doors.ids.postback }, metadata, done)
        break
      case 'summarizeDeliveries': {
        // The wrong way round.
        const from = { seconds: kind === 'faulty' ? 2_000_000_000 : 0, nanos: 0 }
        const to = { seconds: 1_000_000_000, nanos: 0 }
        query.summarizeDeliveries({ endpoint: '', from, to }, metadata, done)
        break
      }
      case 'getDeliveryState':
        delivery.getDeliveryState({}, metadata, done)
        break
      case 'getEndpointState':
        delivery.getEndpointState({ endpoint }, metadata, done)
        break
      case 'holdEndpoint': {
        const reason = kind === 'faulty' ? 'x'.repeat(5_000) : 'repairs'
        delivery.holdEndpoint({ endpoint, reason }, metadata, done)
        break
      }
      case 'releaseEndpoint': {
        const ratePerSecond = kind === 'faulty' ? 1_000_000 : 0
        delivery.releaseEndpoint({ endpoint, ratePerSecond }, metadata, done)
        break
      }
      case 'replayDeliveries': {
        const status = kind === 'faulty' ? 'lost' : 'dead'
        delivery.replayDeliveries({ ...ReplayDeliveriesRequest.decode(nothing), status }, metadata, done)
        break
      }
      default:
        throw new Error(`no request for ${call} is known here`)
    }
  })
  ingest.close()
  query.close()
  delivery.close()
  return status[code]
}

/** Whether postback-delivery has heard of a key. */
export async function knowsKey(delivery: ServiceProcess, key: string): Promise<boolean> {
  const client = new DeliveryServiceClient(delivery.grpcAddress, credentials.createInsecure())
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${key}`)
  const code = await new Promise<status>((resolve) => {
    client.getDeliveryState({}, metadata, (error) => resolve(error?.code ?? status.OK))
  })
  client.close()
  return code !== status.UNAUTHENTICATED
}

type ProvokeStatus = (stage: GrpcStage, call: string, scope: string) => Promise<string>

/** Makes exactly one status occur. */
const cases: Readonly<Record<string, ProvokeStatus>> = {
  OK: async (stage, call, scope) => statusOf(stage, call, 'good', await stage.key([scope])),
  INVALID_ARGUMENT: async (stage, call, scope) => statusOf(stage, call, 'faulty', await stage.key([scope])),
  NOT_FOUND: async (stage, call, scope) => statusOf(stage, call, 'unknown', await stage.key([scope])),
  ABORTED: async (stage, call, scope) => statusOf(stage, call, 'ambiguous', await stage.key([scope])),
  UNAUTHENTICATED: (stage, call) => statusOf(stage, call, 'good', undefined),
  async PERMISSION_DENIED(stage, call, scope) {
    return statusOf(stage, call, 'good', await stage.key(scopes.filter((other) => other !== scope)))
  },
  async RESOURCE_EXHAUSTED(stage, call, scope) {
    const limited = await stage.key([scope], { perSecond: 1 })
    let found = ''
    for (let tries = 0; tries < 20 && found !== 'RESOURCE_EXHAUSTED'; tries += 1) {
      found = await statusOf(stage, call, 'good', limited)
    }
    return found
  },
  UNAVAILABLE({ ids, ingestAlone, queryAlone, deliveryAlone }, call) {
    const alone = { ids, ingest: ingestAlone, query: queryAlone, delivery: deliveryAlone }
    return statusOf(alone, call, 'good', rootKey)
  },
}

/** @returns the status that occurred; undefined when no case is meant to make it occur */
export async function provokeStatus(
  stage: GrpcStage,
  call: string,
  wanted: string,
): Promise<string | undefined> {
  return cases[wanted]?.(stage, call, scopeOf[call] ?? '')
}
