import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

export interface MessageMeasure {
  /** How often the counted field is there. */
  readonly count: number
  /** The last of the kept numbers with its tag: a message of nothing else. */
  readonly kept: Uint8Array
}

/**
 * Looks at the outermost fields of a message without decoding any.
 * @param fields numbers of the messages to count, and of the number to keep
 * @throws {Error} for what is no message
 */
export function measureMessage(
  bytes: Uint8Array,
  fields: { readonly count: number; readonly keep: number | undefined },
): MessageMeasure {
  const reader = new BinaryReader(bytes)
  let kept = bytes.subarray(0, 0)
  let count = 0
  while (reader.pos < bytes.length) {
    const start = reader.pos
    const [field, wireType] = reader.tag()
    reader.skip(wireType, field)
    if (field === fields.count && wireType === WireType.LengthDelimited) count += 1
    if (field === fields.keep && wireType === WireType.Varint) kept = bytes.subarray(start, reader.pos)
  }
  return { count, kept }
}
