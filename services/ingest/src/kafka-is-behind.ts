import { ServiceError } from '@millrace/service-kit/errors'

/** A caller that comes back much later finds a queue that has long been empty. */
const maxRetryAfterSeconds = 30

/** What a caller is told when its records would wait too long for Kafka; nothing was written. */
export function kafkaIsBehind(queueMs: number): ServiceError {
  const retryAfterSeconds = Math.min(Math.max(1, Math.ceil(queueMs / 1_000)), maxRetryAfterSeconds)
  return new ServiceError('unavailable', 'Kafka is behind. Send the same request again a little later.', {
    retryAfterSeconds,
  })
}
