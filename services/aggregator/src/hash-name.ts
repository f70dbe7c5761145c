import { type EventView, eventField } from './event-view.ts'

/** 128 bits as four signed 32-bit words, the first one the lowest. */
export type Hash128 = Int32Array

/** Hashes names of events. The answer of each call is overwritten by the next. */
export interface NameHasher {
  hashEvent(event: EventView): Hash128
  hashName(tenant: string, source: string, id: string): Hash128
}

/**
 * SipHash-2-4 with 128 bits over tenant, NUL, source, NUL, id, under a key of 16 random bytes that nobody outside
 * knows: nobody can make two ids meet, and by chance 10 ** 12 ids meet with a probability of 10 ** -15.
 * ClickHouse has the same as `sipHash128ReferenceKeyed`. Six times as fast as SHA-256, which is a call out of
 * JavaScript for each id.
 */
export function createNameHasher(key: Uint8Array): NameHasher {
  const words = new Int32Array(Uint8Array.from(key).buffer)
  const hash = new Int32Array(4)
  let name = Buffer.allocUnsafeSlow(1_024)
  let view = new DataView(name.buffer)
  const reserve = (bytes: number): void => {
    if (bytes <= name.length) return
    name = Buffer.allocUnsafeSlow(bytes * 2)
    view = new DataView(name.buffer)
  }
  const append = (from: EventView, field: 0 | 2 | 4, at: number): number => {
    const start = from.start(field)
    const length = from.end(field) - start
    const { bytes } = from
    if (length > 40) bytes.copy(name, at, start, start + length)
    else for (let index = 0; index < length; index += 1) name[at + index] = bytes[start + index] ?? 0
    return at + length
  }
  return {
    hashEvent(event) {
      const { tenant, source, id } = eventField
      reserve(event.end(eventField.all) - event.start(eventField.all) + 2)
      let end = append(event, tenant, 0)
      name[end++] = 0
      end = append(event, source, end)
      name[end++] = 0
      end = append(event, id, end)
      sipHash(view, end, words, hash)
      return hash
    },
    hashName(tenant, source, id) {
      const text = `${tenant}\0${source}\0${id}`
      reserve(text.length * 3)
      sipHash(view, name.write(text), words, hash)
      return hash
    },
  }
}

/** Source: J.-P. Aumasson, D. J. Bernstein, SipHash: a fast short-input PRF; 64-bit words as halves of 32 bits. */
export function sipHash(bytes: DataView, length: number, key: Int32Array, hash: Int32Array): void {
  const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = key
  let v0l = 0x70736575 ^ k0
  let v0h = 0x736f6d65 ^ k1
  let v1l = 0x6e646f6d ^ k2 ^ 0xee
  let v1h = 0x646f7261 ^ k3
  let v2l = 0x6e657261 ^ k0
  let v2h = 0x6c796765 ^ k1
  let v3l = 0x79746573 ^ k2
  let v3h = 0x74656462 ^ k3
  const words = (length >>> 3) + 1
  // All full words, the last one with the length in its highest byte, then two times the end's rounds.
  for (let step = 0; step < words + 2; step += 1) {
    let low = 0
    let high = 0
    if (step < words) {
      const at = step * 8
      low = readWord(bytes, at, length)
      high = readWord(bytes, at + 4, length)
      if (step === words - 1) high |= length << 24
      v3l ^= low
      v3h ^= high
    } else if (step === words) v2l ^= 0xee
    else {
      hash[0] = v0l ^ v1l ^ v2l ^ v3l
      hash[1] = v0h ^ v1h ^ v2h ^ v3h
      v1l ^= 0xdd
    }
    for (let round = step < words ? 2 : 0; round < 4; round += 1) {
      let sum = (v0l >>> 0) + (v1l >>> 0)
      v0h = (v0h + v1h + (sum > 0xffffffff ? 1 : 0)) | 0
      v0l = sum | 0
      let turned = (v1h << 13) | (v1l >>> 19)
      v1l = ((v1l << 13) | (v1h >>> 19)) ^ v0l
      v1h = turned ^ v0h
      turned = v0l
      v0l = v0h
      v0h = turned
      sum = (v2l >>> 0) + (v3l >>> 0)
      v2h = (v2h + v3h + (sum > 0xffffffff ? 1 : 0)) | 0
      v2l = sum | 0
      turned = (v3h << 16) | (v3l >>> 16)
      v3l = ((v3l << 16) | (v3h >>> 16)) ^ v2l
      v3h = turned ^ v2h
      sum = (v0l >>> 0) + (v3l >>> 0)
      v0h = (v0h + v3h + (sum > 0xffffffff ? 1 : 0)) | 0
      v0l = sum | 0
      turned = (v3h << 21) | (v3l >>> 11)
      v3l = ((v3l << 21) | (v3h >>> 11)) ^ v0l
      v3h = turned ^ v0h
      sum = (v2l >>> 0) + (v1l >>> 0)
      v2h = (v2h + v1h + (sum > 0xffffffff ? 1 : 0)) | 0
      v2l = sum | 0
      turned = (v1h << 17) | (v1l >>> 15)
      v1l = ((v1l << 17) | (v1h >>> 15)) ^ v2l
      v1h = turned ^ v2h
      turned = v2l
      v2l = v2h
      v2h = turned
    }
    v0l ^= low
    v0h ^= high
  }
  hash[2] = v0l ^ v1l ^ v2l ^ v3l
  hash[3] = v0h ^ v1h ^ v2h ^ v3h
}

/** Four bytes, or those that are left. */
function readWord(bytes: DataView, at: number, length: number): number {
  if (at + 4 <= length) return bytes.getInt32(at, true)
  let word = 0
  for (let left = length - 1; left >= at; left -= 1) word = (word << 8) | bytes.getUint8(left)
  return word
}
