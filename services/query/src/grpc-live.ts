import type { ServerWritableStream } from '@grpc/grpc-js'
import type { Principal } from '@millrace/catalog/authenticate-key'
import { type LiveRequest, LiveResponse } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import { formatDecimal } from '@millrace/service-kit/format-decimal'
import { toGrpcError } from '@millrace/service-kit/grpc-server'
import type { GrpcDeps } from './grpc.ts'
import { toTimestamp } from './grpc-time.ts'
import type { LivePush, LiveSubscriber } from './live-hub.ts'
import { type LiveCell, liveValue, type MergedSecond } from './live-merge.ts'
import { summarizeLive } from './summarize-live.ts'
import { nowUs } from './time.ts'
import { whileAllowed } from './while-allowed.ts'

interface LiveKey {
  /** Checks the caller's key, and takes the call from what it may. */
  readonly admit: () => Principal
  /** Checks it again. */
  readonly check: () => Principal
}

/** Pushes until the reader goes, or may read no more. */
export function watchLive(
  deps: Pick<GrpcDeps, 'live'>,
  key: LiveKey,
  call: ServerWritableStream<LiveRequest, LiveResponse>,
): void {
  try {
    const principal = key.admit()
    const { meter, seconds } = call.request
    const span = seconds === 0 ? 300 : seconds
    if (span > 3_600) throw new ServiceError('invalid-request', 'seconds is at most 3600.')
    // False from a write on, until the transport has taken what waits.
    let ready = true
    call.on('drain', () => {
      ready = true
    })
    const subscriber: LiveSubscriber = {
      isReady: () => ready && !call.cancelled,
      send: (push) => {
        ready = call.write(liveResponse(push, span))
      },
      end: () => call.end(),
    }
    const guarded = whileAllowed(key.check, subscriber, (error) => call.emit('error', toGrpcError(error)))
    const unsubscribe = deps.live.subscribe(principal, meter, span, guarded)
    call.on('close', unsubscribe)
    call.on('cancelled', unsubscribe)
  } catch (error) {
    call.emit('error', toGrpcError(error))
  }
}

const made = new WeakMap<LivePush, Map<number, LiveResponse>>()
const serialized = new WeakMap<LiveResponse, Buffer>()

/** One message for all readers of a push and a span. */
function liveResponse(push: LivePush, spanSeconds: number): LiveResponse {
  const known = made.get(push) ?? new Map<number, LiveResponse>()
  made.set(push, known)
  const response = known.get(spanSeconds) ?? toLiveResponse(push, spanSeconds)
  known.set(spanSeconds, response)
  return response
}

/** The bytes of a message, made once however many calls send it. */
export function serializeLive(response: LiveResponse): Buffer {
  const bytes = serialized.get(response) ?? Buffer.from(LiveResponse.encode(response).finish())
  serialized.set(response, bytes)
  return bytes
}

function toLiveResponse(push: LivePush, spanSeconds: number): LiveResponse {
  const { meter, asOfUs, reset, sources } = push
  const oldest = asOfUs / 1_000_000 - spanSeconds
  const all = push.all.filter(({ second }) => second > oldest)
  const seconds = reset ? all : push.changed.filter(({ second }) => second > oldest)
  const { value, perSecond, top } = summarizeLive(push, all)
  return {
    generatedAt: toTimestamp(nowUs()),
    dimensions: [...meter.dimensions],
    seconds: seconds.map(toLiveSecond),
    reset,
    asOf: toTimestamp(asOfUs),
    totals: { value: toText(value), perSecond },
    top: top.map((cell) => ({ values: [...cell.group], value: toText(liveValue(cell, meter.aggregation)) })),
    sources,
  }
}

function toText(value: string): string {
  return value === 'null' ? '' : value
}

function toLiveSecond({ second, groups }: MergedSecond): LiveResponse['seconds'][number] {
  return {
    second,
    groups: groups.map((cell: LiveCell) => ({
      values: [...cell.group],
      count: cell.count,
      sum: cell.min === undefined ? '' : formatDecimal(cell.sum),
      min: cell.min === undefined ? '' : formatDecimal(cell.min),
      max: cell.max === undefined ? '' : formatDecimal(cell.max),
    })),
  }
}
