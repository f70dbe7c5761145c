import { pieceBytes, returnPiece, takePiece } from './row-pieces.ts'

/** From here on a call of native code copies faster than a loop. */
const shortBytes = 40

const nothing = Buffer.alloc(0)

/** Writes ClickHouse's RowBinary: values after each other, little-endian, without any frame. Grows piece by piece. */
export class RowBinary {
  /** Pieces that are full, and their bytes together. */
  #full: Buffer[] = []
  #fullLength = 0
  /** The piece that is being written. */
  #buffer: Buffer = nothing
  #view: DataView = new DataView(nothing.buffer)
  readonly #initialBytes: number
  #length = 0
  /** The last Int128 and its halves: meters of one value follow each other, and each half is a BigInt more. */
  #last = 0n
  #lastLow = 0n
  #lastHigh = 0n

  constructor(initialBytes = 64 * 1024) {
    this.#initialBytes = initialBytes
  }

  get length(): number {
    return this.#fullLength + this.#length
  }

  /** What was written so far, without copying it; valid until the next write. */
  pieces(): readonly Buffer[] {
    return this.length === 0 ? [] : [...this.#full, this.#buffer.subarray(0, this.#length)]
  }

  /** The same in one. */
  bytes(): Buffer {
    const pieces = this.pieces()
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
  }

  /** Forgets what was written. Only when nobody reads it any more: others write there soon. */
  release(): void {
    for (const piece of [...this.#full, this.#buffer]) returnPiece(piece)
    this.#full = []
    this.#fullLength = 0
    this.#buffer = nothing
    this.#length = 0
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
    this.#reserve(value.length + 5)
    this.writeLength(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
  }

  /** The same from `start` on until before `end`. */
  writeSlice(from: Buffer, start: number, end: number): void {
    const length = end - start
    this.#reserve(length + 5)
    if (length < 128) this.#buffer[this.#length++] = length
    else this.writeLength(length)
    const buffer = this.#buffer
    const at = this.#length
    // A part of it would be an object to be collected.
    if (length > shortBytes) from.copy(buffer, at, start, end)
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
    if (value !== this.#last) {
      this.#last = value
      this.#lastLow = BigInt.asUintN(64, value)
      this.#lastHigh = BigInt.asIntN(64, value >> 64n)
    }
    this.#view.setBigUint64(this.#length, this.#lastLow, true)
    this.#view.setBigInt64(this.#length + 8, this.#lastHigh, true)
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
    if (this.#length + bytes > this.#buffer.length) this.#openPiece(bytes)
  }

  /** A value stands in one piece. */
  #openPiece(bytes: number): void {
    if (this.#length > 0) this.#full.push(this.#buffer.subarray(0, this.#length))
    this.#fullLength += this.#length
    this.#length = 0
    const next = Math.max(this.#initialBytes, Math.min(this.#buffer.length * 2, pieceBytes))
    this.#buffer = takePiece(Math.max(bytes, next))
    this.#view = new DataView(this.#buffer.buffer)
  }
}
