import type { Hash128 } from './hash-name.ts'

/** Follows the id of an event whose replay has made it valid. */
export const replayedEnding = '\0replayed'

/** Ids are kept by slices of the window. */
const slicesPerWindow = 8
const smallestTable = 64
const maxLoad = 0.75
/** Of a new table: more would soon be moved again. */
const freshLoad = 0.6
/** Four words of hash, one of slice. */
const wordsPerEntry = 5
/** Lies in the middle of what a word holds; 0 marks a free place. */
const firstSlice = 2 ** 30

/**
 * The event ids of one partition that were received within the window, exact: open addressing with linear probing over
 * one typed array. An event is a repeat when its id was first received at most `windowUs` before it, up to 1/8 of the
 * window more, as slices go whole. What has left the window goes when its room is needed: 27 to 67 bytes an id.
 */
export class SeenIds {
  readonly #windowUs: number
  readonly #sliceUs: number
  #entries = new Int32Array(smallestTable * wordsPerEntry)
  #mask = smallestTable - 1
  /** Ids by slice; those of a dropped slice are still in the table until it is made anew. */
  readonly #sizes = new Map<number, number>()
  #taken = 0
  /** Slices before it are never asked for again. */
  #keptFrom = Number.NEGATIVE_INFINITY
  /** Which slice `firstSlice` stands for. */
  #origin: number | undefined

  constructor(windowUs: number) {
    this.#windowUs = windowUs
    this.#sliceUs = Math.ceil(windowUs / slicesPerWindow)
  }

  get size(): number {
    let size = 0
    for (const ids of this.#sizes.values()) size += ids
    return size
  }

  get bytes(): number {
    return this.#entries.byteLength
  }

  /** The verdict depends on the time that the event was received at, never on the present one. */
  has(hash: Hash128, receivedAtUs: number): boolean {
    const at = this.#find(hash[0] ?? 0, hash[1] ?? 0, hash[2] ?? 0, hash[3] ?? 0)
    const slice = this.#entries[at + 4] ?? 0
    return slice !== 0 && this.#toSlice(slice) >= this.#sliceOf(receivedAtUs - this.#windowUs)
  }

  /** @param nowUs by this machine's clock: an event from a clock that is ahead does not empty the window */
  add(hash: Hash128, receivedAtUs: number, nowUs: number): void {
    const slice = this.#sliceOf(receivedAtUs)
    this.#origin ??= slice
    if (!this.#sizes.has(slice)) this.#openSlice(slice, Math.min(receivedAtUs, nowUs))
    const a = hash[0] ?? 0
    const b = hash[1] ?? 0
    const c = hash[2] ?? 0
    const d = hash[3] ?? 0
    const at = this.#find(a, b, c, d)
    const known = this.#entries[at + 4] ?? 0
    if (known !== 0) {
      const before = this.#toSlice(known)
      if (before >= slice) return
      this.#count(before, -1)
    } else {
      this.#taken += 1
    }
    this.#put(at, a, b, c, d, slice - this.#origin + firstSlice)
    this.#count(slice, 1)
    if (this.#taken > maxLoad * (this.#mask + 1)) this.#rebuild()
  }

  #openSlice(slice: number, timeUs: number): void {
    this.#sizes.set(slice, 0)
    this.#keptFrom = Math.max(this.#keptFrom, this.#sliceOf(timeUs - this.#windowUs) - 1)
    for (const before of this.#sizes.keys()) if (before < this.#keptFrom) this.#sizes.delete(before)
    if (this.size < this.#taken / 4) this.#rebuild()
  }

  #count(slice: number, by: number): void {
    const size = this.#sizes.get(slice)
    if (size !== undefined) this.#sizes.set(slice, size + by)
  }

  /** Index of the entry, or of the free place where it belongs. */
  #find(a: number, b: number, c: number, d: number): number {
    const entries = this.#entries
    for (let slot = a & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * wordsPerEntry
      if (entries[at + 4] === 0) return at
      if (entries[at] === a && entries[at + 1] === b && entries[at + 2] === c && entries[at + 3] === d)
        return at
    }
  }

  /** A table that is large enough for what is still in the window. */
  #rebuild(): void {
    const old = this.#entries
    const live = this.size
    let slots = smallestTable
    while (live > freshLoad * slots) slots *= 2
    this.#entries = new Int32Array(slots * wordsPerEntry)
    this.#mask = slots - 1
    this.#taken = 0
    for (let at = 0; at < old.length; at += wordsPerEntry) {
      const slice = old[at + 4] ?? 0
      if (slice === 0 || !this.#sizes.has(this.#toSlice(slice))) continue
      const a = old[at] ?? 0
      const b = old[at + 1] ?? 0
      const c = old[at + 2] ?? 0
      const d = old[at + 3] ?? 0
      this.#put(this.#find(a, b, c, d), a, b, c, d, slice)
      this.#taken += 1
    }
  }

  #put(at: number, a: number, b: number, c: number, d: number, slice: number): void {
    const entries = this.#entries
    entries[at] = a
    entries[at + 1] = b
    entries[at + 2] = c
    entries[at + 3] = d
    entries[at + 4] = slice
  }

  #toSlice(word: number): number {
    return word - firstSlice + (this.#origin ?? 0)
  }

  #sliceOf(timeUs: number): number {
    return Math.floor(timeUs / this.#sliceUs)
  }
}
