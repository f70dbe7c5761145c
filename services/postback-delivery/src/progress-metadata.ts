import type { Progress } from './track-offsets.ts'

/** Kafka takes this much with a committed offset (offset.metadata.max.bytes). */
export const maxMetadataBytes = 4_096

/**
 * What is committed beside the low watermark, so that a restart repeats only what was really under way: the runs of
 * records that are not finished, however many are finished between them. Each run is one number, twice the finished
 * ones before it, and one more with a second number, its length less two, when it is longer than one. Where they are
 * more than Kafka takes, the end is that of a part that fits: an owner that takes over before a later commit tells of
 * the rest repeats that.
 * @param tag tells this commit from any other; without a semicolon
 */
export function encodeProgress(tag: string, { end, unfinished }: Progress): string {
  const low = unfinished[0] ?? end
  const head = `2;${tag};`
  // Base64 makes four characters of three bytes.
  const room = Math.floor(((maxMetadataBytes - head.length) * 3) / 4) - numberBytes(end - low)
  const body: number[] = []
  let told = low
  let toldEnd = end
  for (const { gap, length } of runs(unfinished, low)) {
    const run: number[] = []
    pushNumber(run, gap * 2 + (length > 1 ? 1 : 0))
    if (length > 1) pushNumber(run, length - 2)
    if (body.length + run.length > room) {
      // The finished ones in front of it are told of, it and what lies behind it are not.
      toldEnd = told + gap
      break
    }
    body.push(...run)
    told += gap + length
  }
  const span: number[] = []
  pushNumber(span, toldEnd - low)
  return head + Buffer.from([...span, ...body]).toString('base64url')
}

/**
 * @param lowWatermark the committed offset that it stood beside
 * @returns undefined when somebody else wrote the metadata
 */
export function decodeProgress(metadata: string, lowWatermark: number): Progress | undefined {
  const [version, , text] = metadata.split(';')
  if (text === undefined) return undefined
  const bytes = Buffer.from(text, 'base64url')
  if (version === '1') return decodeBits(bytes, lowWatermark)
  return version === '2' ? decodeRuns(bytes, lowWatermark) : undefined
}

/** About how long the metadata would be: the most that it can take. */
export function estimateBytes({ end, unfinished }: Progress): number {
  // Most numbers take one or two bytes of 7 bits; base64 makes four characters of three bytes.
  const low = unfinished[0] ?? end
  let bytes = 32
  for (const { gap, length } of runs(unfinished, low)) {
    bytes += numberBytes(gap * 2 + 1) + (length > 1 ? numberBytes(length - 2) : 0)
  }
  return Math.ceil((bytes * 4) / 3) + 32
}

interface Run {
  /** Finished ones before it. */
  readonly gap: number
  readonly length: number
}

function* runs(unfinished: readonly number[], from: number): Generator<Run> {
  let position = from
  for (let index = 0; index < unfinished.length; ) {
    const start = unfinished[index] ?? 0
    let length = 1
    while (unfinished[index + length] === start + length) length += 1
    yield { gap: start - position, length }
    position = start + length
    index += length
  }
}

function decodeRuns(bytes: Buffer, lowWatermark: number): Progress | undefined {
  const numbers = readNumbers(bytes)
  const [span, ...rest] = numbers
  if (span === undefined) return undefined
  const unfinished: number[] = []
  let position = lowWatermark
  for (let index = 0; index < rest.length; index += 1) {
    const coded = rest[index] ?? 0
    const isLong = coded % 2 === 1
    position += Math.floor(coded / 2)
    if (isLong) index += 1
    const length = isLong ? (rest[index] ?? 0) + 2 : 1
    for (let count = 0; count < length; count += 1) unfinished.push(position + count)
    position += length
  }
  return { end: lowWatermark + span, unfinished }
}

/** As it was written once: one bit for each offset from the low watermark, set for those that are finished. */
function decodeBits(bytes: Buffer, lowWatermark: number): Progress {
  const unfinished: number[] = []
  let end = lowWatermark
  for (let position = 0; position < bytes.length * 8; position += 1) {
    if (((bytes[position >> 3] ?? 0) & (1 << (position & 7))) !== 0) end = lowWatermark + position + 1
    else unfinished.push(lowWatermark + position)
  }
  return { end, unfinished: unfinished.filter((offset) => offset < end) }
}

/** Seven bits to a byte, the lowest first; the highest bit says that more follow. */
function pushNumber(bytes: number[], value: number): void {
  let rest = value
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80)
    rest = Math.floor(rest / 0x80)
  }
  bytes.push(rest)
}

function numberBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1
  return bytes
}

function readNumbers(bytes: Buffer): number[] {
  const numbers: number[] = []
  let value = 0
  let unit = 1
  for (const byte of bytes) {
    value += (byte & 0x7f) * unit
    unit *= 0x80
    if (byte >= 0x80) continue
    numbers.push(value)
    value = 0
    unit = 1
  }
  return numbers
}
