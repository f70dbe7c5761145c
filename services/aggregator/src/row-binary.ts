/** From here on a call of native code copies faster than a loop. */
const shortBytes = 40

/** Writes ClickHouse's RowBinary: values after each other, little-endian, without any frame. Grows as needed. */
export class RowBinary {
  #buffer: Buffer
  #view: DataView
  #length = 0

  constructor(initialBytes = 64 * 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(initialBytes)
    this.#view = new DataView(this.#buffer.buffer)
  }

  get length(): number {
    return this.#length
  }

  /** What was written so far; valid until the next write. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  writeString(value: string): void {
    // A UTF-16 unit takes at most three bytes of UTF-8; five more for the length.
    this.#reserve(value.length * 3 + 5)
    if (value.length <= shortBytes) {
      if (this.#writeAscii(value)) return
      // Its length in bytes may take one byte or two.
      if (value.length < 43) {
        const written = this.#buffer.write(value, this.#length + 1)
        this.#buffer[this.#length] = written
        this.#length += written + 1
        return
      }
    }
    this.writeLength(Buffer.byteLength(value))
    this.#length += this.#buffer.write(value, this.#length)
  }

  /** A String column takes any bytes. */
  writeBytes(value: Uint8Array): void {
    this.writeSlice(value, 0, value.length)
  }

  /** The same from `start` on until before `end`. */
  writeSlice(from: Uint8Array, start: number, end: number): void {
    const length = end - start
    this.#reserve(length + 5)
    if (length < 128) this.#buffer[this.#length++] = length
    else this.writeLength(length)
    const buffer = this.#buffer
    const at = this.#length
    if (length > shortBytes) buffer.set(from.subarray(start, end), at)
    else for (let index = 0; index < length; index += 1) buffer[at + index] = from[start + index] ?? 0
    this.#length = at + length
  }

  /** Of a string or an array, below 2 ** 32. */
  writeLength(value: number): void {
    this.#reserve(5)
    let rest = value
    while (rest > 127) {
      this.#buffer[this.#length++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.#buffer[this.#length++] = rest
  }

  writeUint8(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  writeUint32(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.#length, value, true)
    this.#length += 4
  }

  /** UInt64, Int64 and DateTime64 of a safe integer. */
  writeInt64(value: number): void {
    this.#reserve(8)
    const high = Math.floor(value / 2 ** 32)
    this.#view.setUint32(this.#length, value - high * 2 ** 32, true)
    this.#view.setInt32(this.#length + 4, high, true)
    this.#length += 8
  }

  /** Int128 and Decimal128. */
  writeInt128(value: bigint): void {
    this.#reserve(16)
    this.#view.setBigUint64(this.#length, BigInt.asUintN(64, value), true)
    this.#view.setBigInt64(this.#length + 8, BigInt.asIntN(64, value >> 64n), true)
    this.#length += 16
  }

  /** @returns false when there is more than ASCII in it: nothing was written then */
  #writeAscii(value: string): boolean {
    const buffer = this.#buffer
    const at = this.#length + 1
    for (let index = 0; index < value.length; index += 1) {
      const unit = value.charCodeAt(index)
      if (unit > 127) return false
      buffer[at + index] = unit
    }
    buffer[this.#length] = value.length
    this.#length = at + value.length
    return true
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
    this.#view = new DataView(larger.buffer)
  }
}
