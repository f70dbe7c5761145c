import type { Socket } from 'node:net'
import type { Channel } from './connection.ts'
import { Http1Error } from './describe-failure.ts'
import type { Exchange } from './exchange.ts'
import type { Http1Head } from './http1-head.ts'
import { Http1Parser, type ResponseListener } from './http1-parser.ts'
import { type OriginRequest, requestHead } from './http1-request.ts'
import { takeReads } from './read-at-once.ts'

/** Writes requests on connections that were used before: all that have one at the end of the same turn of the event loop. */
export interface WriteTurn {
  add(channel: Http1Channel): void
}

export function createWriteTurn(): WriteTurn {
  let channels: Http1Channel[] = []
  const writeAll = (): void => {
    const waiting = channels
    channels = []
    for (const channel of waiting) channel.writeNow()
  }
  return {
    add(channel) {
      if (channels.push(channel) === 1) setImmediate(writeAll)
    },
  }
}

export interface Http1ChannelOptions {
  /** As the header `host` says it. */
  readonly host: string
  readonly writeTurn: WriteTurn
  /** It gets no more requests. */
  readonly onEnd: () => void
}

/** Up to here head and body go to the socket as one piece: a copy costs less than a second write. */
const copiedBytes = 32 * 1024
/** Connections that nobody uses are closed after it, or earlier where the receiver says so (`keep-alive: timeout`). */
const idleMs = 10_000
/** However long a receiver would keep one. */
const longestIdleMs = 60_000
/** Before the time that a receiver names. */
const earlierMs = 1_000

/** One connection that speaks HTTP/1.1: one request at a time. */
export class Http1Channel implements Channel, ResponseListener {
  readonly #socket: Socket
  readonly #options: Http1ChannelOptions
  readonly #parser = new Http1Parser(this)
  #exchange: Exchange | undefined
  /** The request, until it is written. */
  #unwritten: { readonly head: string; readonly body: Buffer | null } | undefined
  #wasUsed = false
  #mayFollow = false
  #ended = false
  idleMs = idleMs

  constructor(socket: Socket, options: Http1ChannelOptions) {
    this.#socket = socket
    this.#options = options
    socket.on('error', (error) => this.#fail(error))
    socket.on('end', () => this.#onSocketEnd())
    socket.on('close', () => this.#onSocketEnd())
    takeReads(socket, (bytes) => this.#read(bytes))
  }

  hasRoom(): boolean {
    return false
  }

  send(request: OriginRequest, exchange: Exchange): void {
    this.#unwritten = { head: requestHead(request, this.#options.host), body: request.body }
    this.#exchange = exchange
    exchange.onRequestStart(this)
    // What a receiver has said unasked, or that it has closed the connection, is read before the next request is written:
    // it is no answer to that.
    if (this.#wasUsed) this.#options.writeTurn.add(this)
    else this.writeNow()
  }

  writeNow(): void {
    if (this.#unwritten === undefined) return
    const { head, body } = this.#unwritten
    const socket = this.#socket
    // Who has answered before all was asked does not read the rest, or takes it for the next request. A TLS connection
    // tells only now: right after an answer it may still count what has long been sent.
    if (socket.writableLength > 0) {
      this.#fail(new Http1Error('reset', 'the receiver has not read the request before'))
      return
    }
    this.#unwritten = undefined
    this.#wasUsed = true
    this.#parser.begin()
    const bodyBytes = body?.length ?? 0
    if (bodyBytes > copiedBytes) {
      socket.cork()
      socket.write(head, 'latin1')
      socket.write(body as Buffer)
      socket.uncork()
      return
    }
    const bytes = Buffer.allocUnsafe(head.length + bodyBytes)
    bytes.write(head, 0, 'latin1')
    body?.copy(bytes, head.length)
    socket.write(bytes)
  }

  /** Cuts the request off, and the connection. */
  abort(reason: Error): void {
    this.#fail(reason)
  }

  destroy(): void {
    this.#fail(new Http1Error('reset', 'the connection was cut'))
  }

  onHead({ statusCode, headers, persistent, keepsMs }: Http1Head): void {
    if (statusCode >= 200) {
      this.idleMs = keepsMs === undefined ? idleMs : Math.min(keepsMs - earlierMs, longestIdleMs)
      this.#mayFollow = persistent && this.idleMs > 0
    }
    this.#exchange?.onResponseStart(this, statusCode, headers)
  }

  onBody(part: Buffer): void {
    this.#exchange?.onResponseData(this, part)
  }

  onEnd(): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    if (!this.#mayFollow) this.#end()
    exchange?.onResponseEnd()
  }

  #read(bytes: Buffer): void {
    if (this.#exchange === undefined || this.#unwritten !== undefined) {
      this.#fail(new Http1Error('reset', 'the receiver spoke unasked'))
      return
    }
    this.#exchange.onHeard()
    try {
      if (this.#parser.read(bytes) < bytes.length) this.#end()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #onSocketEnd(): void {
    if (this.#exchange !== undefined && this.#unwritten === undefined && this.#parser.end()) return
    this.#fail(new Http1Error('reset', 'the receiver closed the connection'))
  }

  #fail(error: Error): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    this.#end()
    exchange?.onResponseError(this, error)
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#unwritten = undefined
    this.#parser.stop()
    this.#socket.destroy()
    this.#options.onEnd()
  }
}
