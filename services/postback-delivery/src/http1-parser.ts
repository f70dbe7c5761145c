import { Http1Error } from './describe-failure.ts'
import { type Http1Head, parseHead, requireTrailer } from './http1-head.ts'

/** Told of a response as it comes. */
export interface ResponseListener {
  /** Its head, or that of an interim one (1xx). */
  onHead(head: Http1Head): void
  /** @param part a view of what was read: copy what is to be kept */
  onBody(part: Buffer): void
  onEnd(): void
}

const maxHeadBytes = 16 * 1024
const headEnd = Buffer.from('\r\n\r\n')
const lineFeed = 0x0a
const beginning = 'HTTP/1.'
/** A chunk's size, and extensions that nobody looks at (RFC 9112, section 7.1). */
const chunkLine = /^([0-9a-f]{1,12})(?:;[\t\x20-\x7e\x80-\xff]*)?$/i

type State = 'head' | 'fixed' | 'until-close' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'ended'

/**
 * Reads responses of one HTTP/1.1 connection, one after the other, in pieces that may end anywhere. As strict as the
 * protocol: what two readers could understand in two ways is refused.
 */
export class Http1Parser {
  readonly #listener: ResponseListener
  #state: State = 'ended'
  /** The beginning of a head or a line whose end has not come. */
  #partial = ''
  /** Of a body or a chunk. */
  #left = 0
  /** Of a response's trailers and of what its chunks say beside their sizes. */
  #asideBytes = 0

  constructor(listener: ResponseListener) {
    this.#listener = listener
  }

  /** A response is expected. */
  begin(): void {
    this.#state = 'head'
    this.#partial = ''
    this.#asideBytes = 0
  }

  /** Nothing more is told of it; may be called by the listener. */
  stop(): void {
    this.#state = 'ended'
  }

  /**
   * @returns how many of the bytes were the response's: fewer than there are only when it has ended
   * @throws {Http1Error} when it is no response
   */
  read(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length && this.#state !== 'ended') at = this.#step(bytes, at)
    return at
  }

  /** The connection has ended. @returns whether the response has ended with it */
  end(): boolean {
    if (this.#state !== 'until-close') return false
    this.#finish()
    return true
  }

  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(bytes, at)
      case 'fixed':
      case 'chunk':
      case 'until-close':
        return this.#readBody(bytes, at)
      default:
        return this.#readLine(bytes, at)
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    let end = this.#partial === '' ? bytes.indexOf(headEnd, at) : -1
    if (end >= 0) {
      this.#takeHead(bytes.toString('latin1', at, end))
      return end + headEnd.length
    }
    const before = this.#partial.length
    const text = this.#partial + bytes.toString('latin1', at, Math.min(bytes.length, at + maxHeadBytes + 1))
    end = text.indexOf('\r\n\r\n', Math.max(0, before - headEnd.length))
    if (end >= 0) {
      this.#partial = ''
      this.#takeHead(text.slice(0, end))
      return at + end + headEnd.length - before
    }
    if (text.length > maxHeadBytes) throw new Http1Error('protocol', 'the headers are too long')
    // What can become no response need not be waited for.
    const added = text.slice(Math.max(0, before - 1))
    if (!beginning.startsWith(text.slice(0, beginning.length)) || /[^\r]\n/.test(added))
      throw new Http1Error('protocol', 'the response is not HTTP/1.1')
    this.#partial = text
    return bytes.length
  }

  #takeHead(text: string): void {
    if (text.length > maxHeadBytes) throw new Http1Error('protocol', 'the headers are too long')
    const head = parseHead(text)
    // Nobody has asked for it, and what follows would not be HTTP/1.1.
    if (head.statusCode === 101) throw new Http1Error('protocol', 'the receiver switches protocols')
    const { body } = head
    if (head.statusCode >= 200) this.#state = stateOf(body)
    if (typeof body === 'number') this.#left = body
    this.#listener.onHead(head)
    if (this.#state === 'fixed' && body === 0) this.#finish()
  }

  #readBody(bytes: Buffer, at: number): number {
    const end = this.#state === 'until-close' ? bytes.length : Math.min(bytes.length, at + this.#left)
    this.#left -= end - at
    this.#listener.onBody(bytes.subarray(at, end))
    if (this.#left === 0 && this.#state === 'fixed') this.#finish()
    else if (this.#left === 0 && this.#state === 'chunk') this.#state = 'chunk-end'
    return end
  }

  #readLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(lineFeed, at)
    const line = this.#partial + bytes.toString('latin1', at, end < 0 ? bytes.length : end)
    if (line.length > maxHeadBytes) throw new Http1Error('protocol', 'a line between chunks is too long')
    this.#partial = end < 0 ? line : ''
    if (end < 0) return bytes.length
    if (!line.endsWith('\r')) throw new Http1Error('protocol', 'a line between chunks has no end')
    this.#takeLine(line.slice(0, -1))
    return end + 1
  }

  #takeLine(line: string): void {
    if (this.#state === 'chunk-size') {
      const size = chunkLine.exec(line)?.[1]
      if (size === undefined) throw new Http1Error('protocol', 'a chunk has no size')
      this.#countAside(line.length - size.length)
      this.#left = Number.parseInt(size, 16)
      this.#state = this.#left === 0 ? 'trailer' : 'chunk'
    } else if (this.#state === 'chunk-end') {
      if (line !== '') throw new Http1Error('protocol', 'a chunk is longer than its size')
      this.#state = 'chunk-size'
    } else if (line === '') this.#finish()
    else {
      requireTrailer(line)
      this.#countAside(line.length)
    }
  }

  #countAside(bytes: number): void {
    this.#asideBytes += bytes
    if (this.#asideBytes > maxHeadBytes)
      throw new Http1Error('protocol', 'the trailers, or what chunks say beside their sizes, are too long')
  }

  #finish(): void {
    this.#state = 'ended'
    this.#listener.onEnd()
  }
}

function stateOf(body: Http1Head['body']): State {
  if (body === 'chunked') return 'chunk-size'
  return body === 'until-close' ? 'until-close' : 'fixed'
}
