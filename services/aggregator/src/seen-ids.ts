import { type Hash128, HashSet } from './hash-set.ts'

/** The window is kept in slices, so that whole sets are dropped rather than single ids. */
const slicesPerWindow = 8

/**
 * The event ids of one partition that were received within the window. An event is a repeat when its id was first
 * received at most `windowUs` before it; a slice is judged as a whole, so up to 1/8 of the window more.
 */
export class SeenIds {
  readonly #windowUs: number
  readonly #sliceUs: number
  readonly #slices = new Map<number, HashSet>()

  constructor(windowUs: number) {
    this.#windowUs = windowUs
    this.#sliceUs = Math.ceil(windowUs / slicesPerWindow)
  }

  get size(): number {
    return this.#sum((slice) => slice.size)
  }

  get bytes(): number {
    return this.#sum((slice) => slice.bytes)
  }

  /** The verdict depends on the time that the event was received at, never on the present one. */
  has(hash: Hash128, receivedAtUs: number): boolean {
    const first = this.#sliceOf(receivedAtUs - this.#windowUs)
    for (const [index, slice] of this.#slices) {
      if (index >= first && slice.has(hash)) return true
    }
    return false
  }

  /** @param nowUs by this machine's clock: an event from a clock that is ahead does not empty the window */
  add(hash: Hash128, receivedAtUs: number, nowUs: number): void {
    const index = this.#sliceOf(receivedAtUs)
    let slice = this.#slices.get(index)
    if (slice === undefined) {
      slice = new HashSet()
      this.#slices.set(index, slice)
      this.#dropBefore(this.#sliceOf(Math.min(receivedAtUs, nowUs) - this.#windowUs) - 1)
    }
    slice.add(hash)
  }

  #sliceOf(timeUs: number): number {
    return Math.floor(timeUs / this.#sliceUs)
  }

  #dropBefore(first: number): void {
    for (const index of this.#slices.keys()) if (index < first) this.#slices.delete(index)
  }

  #sum(read: (slice: HashSet) => number): number {
    let sum = 0
    for (const slice of this.#slices.values()) sum += read(slice)
    return sum
  }
}
