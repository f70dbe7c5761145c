import { ServiceError } from '@millrace/service-kit/errors'

/** What a caller is told when the request's deadline passes before Kafka's confirmation. */
export function unconfirmed(): ServiceError {
  return new ServiceError(
    'unavailable',
    'Kafka did not confirm the write in time. Send the same request again.',
  )
}
