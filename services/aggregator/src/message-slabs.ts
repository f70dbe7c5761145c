import { largestPieceBytes, returnPiece, takePiece } from './row-pieces.ts'

/** Larger ones stay where they are: what is left at the end of a slab is wasted. */
const largestCopied = largestPieceBytes / 4

/** A copy of a message's bytes. */
export interface KeptBytes {
  readonly bytes: Buffer
  /** To be called once, when nobody reads them any more: others are written there soon. */
  release(): void
}

interface Slab {
  readonly bytes: Buffer
  used: number
  /** Copies that somebody reads. */
  held: number
}

/**
 * Messages wait for seconds when there is a backlog. What the Kafka client makes for each of them grows old then, and
 * after every 64 MiB of such memory V8 collects its whole heap: a fifth of the aggregator's time. Copied into memory that
 * is used again and again, what the client has made goes young, which costs nothing.
 */
export class MessageSlabs {
  #open: Slab | undefined

  keep(value: Buffer): KeptBytes {
    if (value.length > largestCopied) return { bytes: value, release: () => {} }
    const slab = this.#withRoom(value.length)
    const bytes = slab.bytes.subarray(slab.used, slab.used + value.length)
    value.copy(bytes)
    slab.used += value.length
    slab.held += 1
    return { bytes, release: () => this.#release(slab) }
  }

  #withRoom(bytes: number): Slab {
    const open = this.#open
    if (open !== undefined && open.used + bytes <= open.bytes.length) return open
    this.#open = { bytes: takePiece(largestPieceBytes), used: 0, held: 0 }
    return this.#open
  }

  #release(slab: Slab): void {
    slab.held -= 1
    if (slab.held > 0) return
    if (slab === this.#open) slab.used = 0
    else returnPiece(slab.bytes)
  }
}
