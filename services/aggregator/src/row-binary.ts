const low64 = (1n << 64n) - 1n

/** Writes ClickHouse's RowBinary: values after each other, little-endian, without any frame. Grows as needed. */
export class RowBinary {
  #buffer: Buffer
  #length = 0

  constructor(initialBytes = 64 * 1024) {
    this.#buffer = Buffer.allocUnsafe(initialBytes)
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
    if (value.length < 43) {
      const written = this.#buffer.write(value, this.#length + 1)
      this.#buffer[this.#length] = written
      this.#length += written + 1
      return
    }
    this.writeLength(Buffer.byteLength(value))
    this.#length += this.#buffer.write(value, this.#length)
  }

  /** A String column takes any bytes. */
  writeBytes(value: Uint8Array): void {
    this.#reserve(value.length + 5)
    this.writeLength(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
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
    this.#length = this.#buffer.writeUInt32LE(value, this.#length)
  }

  /** UInt64, Int64 and DateTime64 of a safe integer. */
  writeInt64(value: number): void {
    this.#reserve(8)
    const high = Math.floor(value / 2 ** 32)
    this.#length = this.#buffer.writeUInt32LE(value - high * 2 ** 32, this.#length)
    this.#length = this.#buffer.writeInt32LE(high, this.#length)
  }

  /** Int128 and Decimal128. */
  writeInt128(value: bigint): void {
    this.#reserve(16)
    this.#length = this.#buffer.writeBigUInt64LE(value & low64, this.#length)
    this.#length = this.#buffer.writeBigInt64LE(value >> 64n, this.#length)
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}
