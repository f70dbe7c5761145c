import { ServiceError } from './errors.ts'

/** What a caller is told while no broker answers; nothing was written. */
export function kafkaNotReached(): ServiceError {
  return new ServiceError('unavailable', 'Kafka cannot be reached now. Send the same request again.')
}
