import { BinaryWriter } from '@bufbuild/protobuf/wire'

/** A message's generated code. */
export interface MessageCodec<Message> {
  encode(message: Message, writer?: BinaryWriter): BinaryWriter
}

// One for all: a new one grows from nothing with each message, which costs more than encoding it.
let writer = new BinaryWriter()

/**
 * The message's bytes.
 * @throws {Error} for a number that its field does not take
 */
export function encodeMessage<Message>(codec: MessageCodec<Message>, message: Message): Buffer {
  try {
    const { buffer, byteOffset, byteLength } = codec.encode(message, writer).finish()
    return Buffer.from(buffer, byteOffset, byteLength)
  } catch (error) {
    // It holds half a message, with which the next one would begin.
    writer = new BinaryWriter()
    throw error
  }
}
