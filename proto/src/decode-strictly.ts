import { BinaryReader } from '@bufbuild/protobuf/wire'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Decodes a message whose texts have to be UTF-8, as the language guide asks; by default other bytes become U+FFFD
 * unheard, and two names one.
 * @throws {Error} for what is no such message
 */
export function decodeStrictly<Message>(
  type: { decode(input: BinaryReader): Message },
  bytes: Uint8Array,
): Message {
  return type.decode(new BinaryReader(bytes, (text) => utf8.decode(text)))
}
