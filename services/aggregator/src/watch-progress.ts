import type { ServerWritableStream } from '@grpc/grpc-js'
import type { Progress, WatchProgressRequest } from '@millrace/proto'
import type { LandedThrough } from './landed-through.ts'
import type { Touch, Touches, TouchNews } from './touches.ts'

interface Deps {
  /** This process' own id, new at each start. */
  readonly instance: string
  readonly landedThrough: () => ReturnType<LandedThrough['read']>
  /** Partitions of millrace.events in all. */
  readonly partitions: () => number
  readonly touches: Pick<Touches, 'follow'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const pushEveryMs = 250
const repeatMs = 1_000
/** A reader that is so far behind is cut off: it comes again, and asks for everything anew. */
const maxUnsent = 10_000

/**
 * Tells how far this instance is: progress several times a second, touches at once. A touch is written before its write
 * begins, and progress is read when it is written, so that the stream's order is that of what happens.
 * @param withTouches they name meters of all tenants
 */
export function watchProgress(
  call: ServerWritableStream<WatchProgressRequest, Progress>,
  withTouches: boolean,
  deps: Deps,
): void {
  let last = ''
  let lastAt = 0
  const write = (touches: Pick<Progress, 'begun' | 'over'>): void => {
    if (call.cancelled || call.destroyed) return
    if (call.writableLength > maxUnsent) {
      call.destroy(new Error('the reader is too slow'))
      return
    }
    call.write({
      instance: deps.instance,
      partitions: deps.partitions(),
      landed: deps.landedThrough().map((it) => ({ ...it })),
      ...touches,
    })
  }
  const push = (): void => {
    if (call.writableNeedDrain) return
    const state = JSON.stringify([deps.partitions(), deps.landedThrough()])
    if (state === last && deps.now() - lastAt < repeatMs) return
    last = state
    lastAt = deps.now()
    write({ begun: [], over: [] })
  }
  const tell = ({ begun, over }: TouchNews): void =>
    write({ begun: begun === undefined ? [] : [toMessage(begun)], over: over === undefined ? [] : [over] })
  const followed = withTouches ? deps.touches.follow(tell) : undefined
  write({ begun: followed?.underWay.map(toMessage) ?? [], over: [] })
  const timer = setInterval(push, pushEveryMs)
  const end = (): void => {
    clearInterval(timer)
    followed?.stop()
  }
  call.on('cancelled', end)
  call.on('close', end)
  call.on('error', end)
}

function toMessage({ number, ranges }: Touch): Progress['begun'][number] {
  return { number, ranges: ranges.map((range) => ({ ...range })) }
}
