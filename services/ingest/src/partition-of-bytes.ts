/** CRC-32 (ISO-HDLC) by its table; a call into zlib costs more than a name takes here. */
const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

const begin = -1

function addByte(state: number, byte: number): number {
  return (state >>> 8) ^ (table[(state ^ byte) & 0xff] as number)
}

function addBytes(before: number, bytes: Buffer, start: number, end: number): number {
  let state = before
  for (let at = start; at < end; at += 1) state = addByte(state, bytes[at] as number)
  return state
}

/** The checksum so far of whatever begins with a tenant; to be kept for many events. */
export function tenantState(tenant: string): number {
  const bytes = Buffer.from(tenant)
  return addByte(addBytes(begin, bytes, 0, bytes.length), 0)
}

/** The same with a source of the tenant behind it. */
export function sourceState(ofTenant: number, text: Buffer, start: number, end: number): number {
  return addByte(addBytes(ofTenant, text, start, end), 0)
}

/** The partition of an id, as `eventPartition` of @millrace/proto tells it. */
export function partitionOfId(
  ofSource: number,
  text: Buffer,
  start: number,
  end: number,
  partitions: number,
): number {
  return (~addBytes(ofSource, text, start, end) >>> 0) % partitions
}
