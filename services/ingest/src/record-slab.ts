/**
 * Records are written one behind the other into a slab, and are views of it: the buffer is the costly part of encoding.
 * A slab goes when the last of its records has been packed: nobody may hold one for longer.
 */
const slabBytes = 256 * 1024
let slab = Buffer.allocUnsafeSlow(slabBytes)
let used = 0

const recordTag = 0x0a
/** Room for the tag and the length of the record, which are known only behind it. */
const headBytes = 6

/** Begins a record that takes so many bytes at most. */
export function beginRecord(maxBytes: number): number {
  const room = headBytes + maxBytes
  if (used + room > slab.length) {
    slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, room))
    used = 0
  }
  const start = used
  used += headBytes
  return start
}

/** Ends the record that was begun at `start`: an EventRecord, whose kind is its first field. */
export function endRecord(start: number): Uint8Array {
  const length = used - start - headBytes
  const at = start + headBytes - 1 - varintLength(length)
  slab[at] = recordTag
  putVarint(at + 1, length)
  return slab.subarray(at, used)
}

/** Takes back what was written since the record was begun. */
export function dropRecord(start: number): void {
  used = start
}

export function writeText(fieldTag: number, text: string): void {
  const { length } = text
  if (length === 0) return
  // A call into native code costs more than a short text in ASCII, which nearly all are.
  if (length >= 0x80) {
    writeLongText(fieldTag, text)
    return
  }
  const target = slab
  let to = used + 2
  for (let from = 0; from < length; from += 1) {
    const code = text.charCodeAt(from)
    if (code >= 0x80) {
      writeLongText(fieldTag, text)
      return
    }
    target[to] = code
    to += 1
  }
  slab[used] = fieldTag
  slab[used + 1] = length
  used = to
}

function writeLongText(fieldTag: number, text: string): void {
  slab[used] = fieldTag
  used = putVarint(used + 1, Buffer.byteLength(text))
  used += slab.write(text, used)
}

export function writeBytes(fieldTag: number, data: Uint8Array): void {
  if (data.length === 0) return
  slab[used] = fieldTag
  used = putVarint(used + 1, data.length)
  slab.set(data, used)
  used += data.length
}

/** Microseconds since 1970; none of the times that are stored lies before. */
export function writeTime(fieldTag: number, us: number): void {
  if (us === 0) return
  if (!Number.isSafeInteger(us) || us < 0) throw new RangeError(`${us} is not a time in microseconds`)
  slab[used] = fieldTag
  used = putVarint(used + 1, us)
}

/** Bytes of another text; what is short costs less by itself than a call into native code. */
export function copyBytes(fieldTag: number, from: Buffer, start: number, end: number): void {
  const length = end - start
  if (length === 0) return
  slab[used] = fieldTag
  used = putVarint(used + 1, length)
  if (length > 160) {
    from.copy(slab, used, start, end)
    used += length
    return
  }
  const target = slab
  let to = used
  for (let at = start; at < end; at += 1) {
    target[to] = from[at] as number
    to += 1
  }
  used = to
}

export function writeVarint(value: number): void {
  used = putVarint(used, value)
}

/** @returns the offset behind it */
function putVarint(start: number, value: number): number {
  let at = start
  let rest = value
  // Beyond 31 bits the quick operators do not reach.
  while (rest > 0x7fffffff) {
    slab[at] = (rest % 0x80) + 0x80
    rest = Math.floor(rest / 0x80)
    at += 1
  }
  while (rest >= 0x80) {
    slab[at] = (rest & 0x7f) | 0x80
    rest >>>= 7
    at += 1
  }
  slab[at] = rest
  return at + 1
}

export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length += 1
  return length
}
