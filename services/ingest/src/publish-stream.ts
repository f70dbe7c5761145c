import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { PublishStreamRequest, PublishStreamResponse } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import { toGrpcError } from '@millrace/service-kit/grpc-server'
import type { Publish } from './grpc.ts'
import { type SizedRequest, wellFormed } from './grpc-requests.ts'

type Stream = ServerDuplexStream<PublishStreamRequest, PublishStreamResponse>

export interface PublishStreams {
  open(stream: Stream, caller: Parameters<Publish>[1]): void
  /** Lets every stream answer what it has read, and ends it so that its client connects again. */
  end(): Promise<void>
}

/** A stream reads no further above either; HTTP/2's flow control then stops the client. */
const maxOpenRequests = 1_024
const maxOpenBytes = 8 * 1024 * 1024
/** After a request that could not be taken no other is read for so long; Kafka is asked again soon, not at once. */
const restMs = 500

/**
 * Requests of a stream are accepted side by side and answered in the order of confirmation. A crash leaves those
 * without an answer that were not confirmed; the client sends them again on its next stream.
 */
export function createPublishStream(publish: Publish): PublishStreams {
  const open = new Set<() => Promise<void>>()
  return {
    open(stream, caller) {
      const end = serve(stream, (request) => publish(request, caller))
      open.add(end)
      stream.once('close', () => open.delete(end))
    },
    end: async () => {
      await Promise.all([...open].map((end) => end()))
    },
  }
}

/** Returns what ends the stream early. */
function serve(
  stream: Stream,
  publish: (request: SizedRequest<PublishStreamRequest>) => ReturnType<Publish>,
): () => Promise<void> {
  writeTogether(stream)
  const underWay = new Set<Promise<void>>()
  let bytes = 0
  let clogged = false
  let resting = false
  let ended = false
  const throttle = (): void => {
    const full = underWay.size >= maxOpenRequests || bytes >= maxOpenBytes || clogged || resting || ended
    if (full && !stream.isPaused()) stream.pause()
    else if (!full && stream.isPaused()) stream.resume()
  }
  const uncork = (): void => stream.uncork()
  const answer = (response: PublishStreamResponse): void => {
    if (stream.destroyed) return
    // A message of Kafka confirms many requests at once; what is told in this turn travels together.
    if (stream.writableCorked === 0) {
      stream.cork()
      process.nextTick(uncork)
    }
    // A client that does not read its answers gets to send no more either.
    if (!stream.write(response)) clogged = true
  }
  /** What comes next would only be refused as well: it stays with the client. */
  const rest = (error: unknown): void => {
    if (!(error instanceof ServiceError) || error.code !== 'unavailable' || resting) return
    resting = true
    const over = (): void => {
      resting = false
      throttle()
    }
    setTimeout(over, restMs).unref()
  }
  stream.on('drain', () => {
    clogged = false
    throttle()
  })
  const settle = async (): Promise<void> => {
    while (underWay.size > 0) await Promise.all(underWay)
  }
  /** Answers what was read, then ends the stream, saying why. */
  const end = async (error: unknown): Promise<void> => {
    ended = true
    throttle()
    await settle()
    if (!stream.destroyed && !stream.writableEnded) stream.emit('error', toGrpcError(error))
  }
  stream.on('data', (message: PublishStreamRequest) => {
    // What was read ahead stays unanswered: the client sends it again on its next stream.
    if (ended) return
    let request: SizedRequest<PublishStreamRequest>
    try {
      request = wellFormed(message)
    } catch (error) {
      // It has no sequence by which it could be refused.
      void end(error)
      return
    }
    const size = request.size.encodedBytes
    bytes += size
    const done = publish(request)
      .then(
        (accepted) => answer({ sequence: request.sequence, outcome: { $case: 'accepted', value: accepted } }),
        (error: unknown) => {
          rest(error)
          answer(refusal(request.sequence, error))
        },
      )
      .finally(() => {
        bytes -= size
        underWay.delete(done)
        throttle()
      })
    underWay.add(done)
    throttle()
  })
  stream.on('end', () => {
    void settle().then(() => stream.end())
  })
  // The client is gone: what was read is still written, nobody is told.
  stream.on('error', () => undefined)
  return () =>
    end(
      new ServiceError(
        'unavailable',
        'This instance stops. Connect again and send what was not acknowledged.',
      ),
    )
}

/**
 * Hands answers that wait to HTTP/2 all at once. gRPC's own stream hands over one, and the next when that has been
 * written to the socket: for each a frame, a system call and a turn of the loop.
 */
function writeTogether(stream: Stream): void {
  stream._writev = (answers, done) => {
    const last = answers.length - 1
    for (const [index, { chunk, encoding }] of answers.entries()) {
      // They are written in this order, so that the last one tells of all; who fails ends the call itself.
      stream._write(chunk, encoding, index === last ? done : ignore)
    }
  }
}

const ignore = (): void => undefined

function refusal(sequence: string, error: unknown): PublishStreamResponse {
  const told =
    error instanceof ServiceError
      ? error
      : new ServiceError('internal', 'The request failed on our side. It may be tried again.')
  return {
    sequence,
    outcome: {
      $case: 'refused',
      value: {
        code: told.code,
        detail: told.message,
        retryable: told.retryable,
        faults: told.faults.map(({ index = 0, pointer, detail }) => ({ index, pointer, detail })),
      },
    },
  }
}
