import { type BackfilledMeter, meterKey } from './backfill-meter.ts'
import type { BackfillStore, Chunk } from './backfill-store.ts'

/** Another instance has landed the chunk: it must not be inserted any more. */
class ChunkLandedError extends Error {}

/** Far less than the deduplication window of the tables lasts. */
const confirmAfterMs = 20_000

/**
 * ClickHouse knows a token only for as many blocks. Whoever wakes from a long pause looks first whether the chunk has
 * landed since; `giveUp` is called when it has.
 * @returns what is asked before each attempt of the chunk's insert
 */
export function createChunkConfirmation(
  store: Pick<BackfillStore, 'read'>,
  meter: BackfilledMeter,
  { chunk }: Chunk,
  signal: AbortSignal,
  giveUp: (reason: ChunkLandedError) => void,
  monotonicMs: () => number = () => performance.now(),
): () => Promise<void> {
  let lookedAtMs = monotonicMs()
  return async () => {
    if (monotonicMs() - lookedAtMs <= confirmAfterMs) return
    const state = (await store.read([meter], signal)).get(meterKey(meter))
    lookedAtMs = monotonicMs()
    if (state?.chunks.find((one) => one.chunk === chunk)?.landed !== true) return
    const landed = new ChunkLandedError('the chunk has landed from elsewhere')
    giveUp(landed)
    throw landed
  }
}
