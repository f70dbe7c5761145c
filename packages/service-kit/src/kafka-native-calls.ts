import kafka, { type LibrdKafkaError } from '@confluentinc/kafka-javascript'
import { within } from './deadline.ts'
import type { HungCalls } from './hung-calls.ts'
import type { Logger } from './log.ts'

/** What the client tells of its transactions' errors and its types lack. */
export interface TransactionError extends LibrdKafkaError {
  readonly isRetriable: boolean
  readonly isFatal: boolean
}

/** The call has not come back, and nobody knows whether it will: its client is of no more use. */
export class HungCallError extends Error implements TransactionError {
  override readonly name = 'HungCallError'
  readonly code = kafka.CODES.ERRORS.ERR__TIMED_OUT
  readonly errno = this.code
  readonly origin = 'millrace'
  readonly isRetriable = false
  readonly isFatal = true

  constructor(call: string, deadlineMs: number) {
    super(`the Kafka client has not returned from ${call} within ${deadlineMs} ms`)
  }
}

type Done = (error?: LibrdKafkaError | null) => void

/** The calls of one client that work on threads of Node's pool. */
export interface NativeCalls {
  /** Rejects with the client's error, or at the deadline with a HungCallError, and from then on without calling at all. */
  call(name: string, start: (done: Done) => unknown): Promise<void>
  /** The call that has outlived its deadline; the client may be closed once it has settled. */
  hung(): Promise<void> | undefined
}

/**
 * The client's own time-outs do not always hold: `sendOffsetsToTransaction` waits without one for a connection to the
 * group's coordinator (librdkafka 2.15, issues 5456 and 5511).
 */
export function createNativeCalls(
  { hungCalls, logger }: { readonly hungCalls: HungCalls; readonly logger: Logger },
  { clientId, deadlineMs }: { readonly clientId: string; readonly deadlineMs: number },
): NativeCalls {
  let hung: { readonly call: Promise<void>; readonly error: HungCallError } | undefined
  return {
    call(name, start) {
      if (hung !== undefined) return Promise.reject(hung.error)
      const call = new Promise<void>((resolve, reject) => {
        start((error) => (error ? reject(error) : resolve()))
      })
      hungCalls.begin(call)
      return within(call, deadlineMs, () => {
        const error = new HungCallError(name, deadlineMs)
        hung = { call, error }
        logger.error(
          { part: clientId, call: name, deadlineMs },
          'a call of the kafka client does not return, its producer is abandoned',
        )
        hungCalls.hang(call, logger)
        return error
      })
    },
    hung: () => hung?.call,
  }
}
