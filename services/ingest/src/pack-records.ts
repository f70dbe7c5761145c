const recordsTag = (1 << 3) | 2
const catalogThroughTag = 2 << 3

/**
 * An EventBatch message from records that are encoded already: the same bytes that EventBatch.encode gives, without
 * encoding every record a second time.
 */
export function packRecords(records: readonly Uint8Array[], catalogThrough: number): Buffer {
  let length = catalogThrough === 0 ? 0 : 1 + varintLength(catalogThrough)
  for (const record of records) length += packedLength(record.length)
  const message = Buffer.allocUnsafe(length)
  let at = 0
  for (const record of records) {
    message[at] = recordsTag
    at = writeVarint(message, at + 1, record.length)
    message.set(record, at)
    at += record.length
  }
  if (catalogThrough !== 0) {
    message[at] = catalogThroughTag
    writeVarint(message, at + 1, catalogThrough)
  }
  return message
}

/** Bytes that a record of `length` bytes takes in a message. */
export function packedLength(length: number): number {
  return 1 + varintLength(length) + length
}

function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length += 1
  return length
}

function writeVarint(target: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest >= 0x80) {
    target[at] = (rest % 0x80) + 0x80
    rest = Math.floor(rest / 0x80)
    at += 1
  }
  target[at] = rest
  return at + 1
}
