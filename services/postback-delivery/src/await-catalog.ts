import { setTimeout as delay } from 'node:timers/promises'
import type { Delivery } from '@millrace/proto'
import type { TopicFollower } from '@millrace/service-kit/kafka-topic-follower'
import type { Logger } from '@millrace/service-kit/log'

/**
 * Resolves once the catalog, and what instances share, is as new as the delivery's writer had seen it, so that what was
 * sent to an endpoint just created, enabled or released does not find the one before. Undefined when it is: nearly
 * always. Never rejects.
 */
export type AwaitCatalog = (
  delivery: Pick<Delivery, 'catalogThrough' | 'stateThrough'>,
) => Promise<void> | undefined

type Reader = Pick<TopicFollower, 'position' | 'readThroughOrToEnd'>

const retryMs = 500

/** @param state of millrace.delivery-state; left out where holds do not matter */
export function createAwaitCatalog(
  catalog: () => Reader | undefined,
  logger: Logger,
  state?: () => Reader | undefined,
): AwaitCatalog {
  const readers = { catalog, state: state ?? catalog }
  const isBehind = (reader: Reader | undefined, offset: number): boolean =>
    reader === undefined || reader.position() < offset
  const wait = async (part: keyof typeof readers, offset: number): Promise<void> => {
    while (isBehind(readers[part](), offset)) {
      try {
        const reader = readers[part]()
        if (reader !== undefined) return await reader.readThroughOrToEnd(offset)
      } catch (error) {
        logger.warn({ part, err: error }, 'what the delivery was written by cannot be read')
      }
      // Nothing that a stop would have to wait for.
      await delay(retryMs, undefined, { ref: false })
    }
  }
  return ({ catalogThrough, stateThrough: told = 0 }) => {
    const stateThrough = state === undefined ? 0 : told
    if (!isBehind(readers.catalog(), catalogThrough) && !isBehind(readers.state(), stateThrough)) {
      return undefined
    }
    return wait('catalog', catalogThrough).then(() => wait('state', stateThrough))
  }
}
