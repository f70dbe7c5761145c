import { setTimeout as delay } from 'node:timers/promises'
import type { KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import type { Readiness } from '@millrace/service-kit/readiness'

const everyMs = 2_000
const timeoutMs = 3_000

/** Asks a broker now and then: an idle client does not tell when they are gone, nor when they are back. */
export async function watchKafka(
  deps: { readonly consumer: KafkaConsumer; readonly readiness: Readiness },
  topic: string,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await deps.consumer.watermarks(topic, 0, timeoutMs)
      if (!signal.aborted) deps.readiness.set('kafka', undefined)
    } catch (error) {
      deps.readiness.set('kafka', error instanceof Error ? error.message : String(error))
    }
    await delay(everyMs, undefined, { signal }).catch(() => undefined)
  }
}
