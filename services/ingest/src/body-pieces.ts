/** Below it a piece costs more than its bytes: the object, and the memory of which it is a view. */
const smallBytes = 1_024
const largestBlockBytes = 16 * 1_024

/** A body as it comes, in not much more memory than its bytes take: small pieces are put together. */
export class BodyPieces {
  #pieces: Buffer[] = []
  /** Where small pieces are put together; each block is twice the one before. */
  #block: Buffer | undefined
  #used = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  add(piece: Buffer): void {
    this.#bytes += piece.length
    if (piece.length >= smallBytes) {
      this.#closeBlock()
      this.#pieces.push(piece)
      return
    }
    if (this.#block === undefined || this.#used + piece.length > this.#block.length) {
      const blockBytes = Math.min(largestBlockBytes, 2 * (this.#block?.length ?? smallBytes / 2))
      this.#closeBlock()
      this.#block = Buffer.allocUnsafe(blockBytes)
    }
    this.#used += piece.copy(this.#block, this.#used)
  }

  /** The whole of it as one buffer of its own length; nothing of it is kept. */
  take(): Buffer {
    this.#closeBlock()
    const [first = Buffer.alloc(0), ...others] = this.#pieces
    const whole = others.length === 0 ? first : Buffer.concat(this.#pieces, this.#bytes)
    this.#pieces = []
    this.#bytes = 0
    return whole
  }

  #closeBlock(): void {
    // A copy: what is taken may live long, and would keep the whole block.
    if (this.#used > 0) this.#pieces.push(Buffer.from(this.#block?.subarray(0, this.#used) ?? []))
    this.#block = undefined
    this.#used = 0
  }
}
