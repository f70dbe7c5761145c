/** The bytes are not what they should be. */
export class UndecodableError extends Error {
  override readonly name = 'UndecodableError'
}

/** Reads protobuf's wire form where it stands: no copies, no objects. Everything throws where the bytes end too early. */
export class WireReader {
  readonly #bytes: Uint8Array
  /** Of the next byte. */
  at: number

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.at = 0
  }

  /** A tag or a length. @throws {UndecodableError} from 2 ** 32 on */
  readUint32(end: number): number {
    const first = this.#bytes[this.at] ?? 128
    if (first < 128 && this.at < end) {
      this.at += 1
      return first
    }
    let value = 0
    let scale = 1
    for (let read = 0; read < 5; read += 1) {
      const byte = this.#next(end)
      value += (byte & 127) * scale
      if (byte < 128) {
        if (value >= 2 ** 32) break
        return value
      }
      scale *= 128
    }
    throw new UndecodableError('a number has more than 32 bits')
  }

  /** int64. @throws {UndecodableError} when a double cannot hold it exactly */
  readInt64(end: number): number {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#next(end)
      const bits = byte & 127
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 128) {
        const value = high * 2 ** 32 + (low >>> 0)
        if (Number.isSafeInteger(value)) return value
        break
      }
    }
    throw new UndecodableError('a number has more than 53 bits')
  }

  /** Length of what follows, which ends before `end`. */
  readLength(end: number): number {
    const length = this.readUint32(end)
    if (length > end - this.at) throw new UndecodableError('a field is longer than what holds it')
    return length
  }

  /** Passes the value of a field that nobody reads. */
  skip(tag: number, end: number): void {
    const wireType = tag & 7
    if (wireType === 0) {
      for (let byte = 128; byte >= 128; ) byte = this.#next(end)
    } else if (wireType === 1 || wireType === 5) {
      this.at += wireType === 1 ? 8 : 4
      if (this.at > end) throw new UndecodableError('a field is longer than what holds it')
    } else if (wireType === 2) {
      const length = this.readLength(end)
      this.at += length
    } else throw new UndecodableError(`there is no wire type ${wireType}`)
  }

  #next(end: number): number {
    if (this.at >= end) throw new UndecodableError('the bytes end within a number')
    return this.#bytes[this.at++] ?? 0
  }
}
