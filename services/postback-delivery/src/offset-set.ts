/** Offsets of a partition, one bit each: millions of them take megabytes only where there are any. */
export interface OffsetSet {
  add(offset: number): void
  has(offset: number): boolean
}

const wordBits = 32
const chunkWords = 1_024
const chunkBits = wordBits * chunkWords

export function createOffsetSet(): OffsetSet {
  const chunks = new Map<number, Uint32Array>()
  return {
    add(offset) {
      const index = Math.floor(offset / chunkBits)
      let chunk = chunks.get(index)
      if (chunk === undefined) {
        chunk = new Uint32Array(chunkWords)
        chunks.set(index, chunk)
      }
      const bit = offset % chunkBits
      const word = Math.floor(bit / wordBits)
      chunk[word] = (chunk[word] ?? 0) | (1 << (bit % wordBits))
    },
    has(offset) {
      const chunk = chunks.get(Math.floor(offset / chunkBits))
      if (chunk === undefined) return false
      const bit = offset % chunkBits
      return ((chunk[Math.floor(bit / wordBits)] ?? 0) & (1 << (bit % wordBits))) !== 0
    },
  }
}
