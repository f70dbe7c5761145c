import type { ServerWritableStream } from '@grpc/grpc-js'
import type { Authenticator, Principal } from '@millrace/catalog/authenticate-key'
import {
  type AggregationServiceServer,
  AggregationServiceService,
  type LiveUpdate,
  type WatchLiveRequest,
} from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import { formatDecimal } from '@millrace/service-kit/format-decimal'
import { type GrpcService, toGrpcError } from '@millrace/service-kit/grpc-server'
import type { LandedThrough } from './landed-through.ts'
import { groupValues, type LiveCell } from './live-cells.ts'
import { type LiveChanges, type LiveView, liveSeconds } from './live-view.ts'
import type { Touches } from './touches.ts'
import { watchProgress } from './watch-progress.ts'

interface Deps {
  readonly authenticator: Authenticator
  /** This process' own id, new at each start. */
  readonly instance: string
  readonly live: LiveView
  readonly landedThrough: () => ReturnType<LandedThrough['read']>
  /** Partitions of millrace.events in all. */
  readonly partitions: () => number
  readonly touches: Pick<Touches, 'follow'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** What is accepted shall be seen within a quarter of a second, the way through Kafka included. */
const pushEveryMs = 100

/** The door for query: what it shows live, and how far reports reach. */
export function createAggregationService(deps: Deps): GrpcService {
  const implementation: AggregationServiceServer = {
    watchLive: (call) => orRefuse(call, () => watchLive(call, readerOf(call, deps), deps)),
    watchProgress: (call) =>
      orRefuse(call, () => {
        const { keyId } = readerOf(call, deps)
        watchProgress(call, keyId === undefined, deps)
      }),
  }
  return {
    name: 'millrace.v1.AggregationService',
    protoFile: 'millrace/v1/aggregation.proto',
    definition: AggregationServiceService,
    implementation: { ...implementation },
  }
}

type Call<Request, Response> = ServerWritableStream<Request, Response>

function orRefuse<Request, Response>(call: Call<Request, Response>, answer: () => void): void {
  try {
    answer()
  } catch (error) {
    call.emit('error', toGrpcError(error))
  }
}

/** @throws {ServiceError} without a key that may read reports */
function readerOf<Request, Response>(call: Call<Request, Response>, { authenticator }: Deps): Principal {
  const [authorization] = call.metadata.get('authorization')
  return authenticator.authenticate(authorization?.toString(), 'reports:read')
}

function watchLive(call: Call<WatchLiveRequest, LiveUpdate>, reader: Principal, deps: Deps): void {
  const { tenant, meter, seconds } = call.request
  if (tenant === '' || meter === '') {
    throw new ServiceError('invalid-request', 'tenant and meter have to be given')
  }
  checkReader(reader, tenant)
  const span = Math.min(seconds === 0 ? liveSeconds : seconds, liveSeconds)
  let seen: LiveChanges | undefined
  pushRegularly(call, () => {
    const fromSecond = Math.floor(deps.now() / 1_000) - span
    let changes = deps.live.changes(tenant, meter, fromSecond, seen?.revision ?? 0)
    const snapshot = seen === undefined || changes.version !== seen.version
    if (snapshot && seen !== undefined) changes = deps.live.changes(tenant, meter, fromSecond, 0)
    seen = changes
    if (!snapshot && changes.seconds.length === 0) return undefined
    return {
      instance: deps.instance,
      asOfUs: deps.now() * 1_000,
      snapshot,
      seconds: changes.seconds.map(({ second, groups }) => ({
        second,
        groups: [...groups].map(([key, cell]) => toLiveGroup(key, cell)),
      })),
    }
  })
}

/** The other services ask with the root key, for any tenant; the cells do not tell which events they are made of. */
function checkReader({ tenant, keyId, constraints }: Principal, asked: string): void {
  if (keyId === undefined) return
  if (tenant !== asked) throw new ServiceError('forbidden', 'The key is of another tenant.')
  if (constraints !== undefined) {
    throw new ServiceError(
      'forbidden',
      'The key is constrained: read the live view through the query service.',
    )
  }
}

function toLiveGroup(key: string, cell: LiveCell) {
  return {
    values: groupValues(key),
    count: cell.count,
    sum: formatOrEmpty(cell.sum),
    min: formatOrEmpty(cell.min),
    max: formatOrEmpty(cell.max),
  }
}

function formatOrEmpty(value: bigint | null): string {
  return value === null ? '' : formatDecimal(value)
}

/** Pushes at once and then several times a second. A reader that is slow gets fewer, larger changes. */
function pushRegularly<Request, Response>(
  call: Call<Request, Response>,
  next: () => Response | undefined,
): void {
  let writable = true
  const push = (): void => {
    if (!writable || call.cancelled || call.destroyed) return
    const message = next()
    if (message !== undefined) writable = call.write(message)
  }
  call.on('drain', () => {
    writable = true
  })
  const timer = setInterval(push, pushEveryMs)
  const end = (): void => clearInterval(timer)
  call.on('cancelled', end)
  call.on('close', end)
  call.on('error', end)
  push()
}
