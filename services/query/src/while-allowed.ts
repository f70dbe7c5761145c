import { ServiceError } from '@millrace/service-kit/errors'
import type { LiveSubscriber } from './live-hub.ts'

/**
 * Ends a stream as soon as its key is no longer good: streams live longer than keys may.
 * @param authorize throws when the key was revoked or has expired
 * @param onRefused ends the stream
 */
export function whileAllowed(
  authorize: () => void,
  subscriber: LiveSubscriber,
  onRefused: (error: ServiceError) => void,
): LiveSubscriber {
  let refused = false
  return {
    ...subscriber,
    isReady() {
      if (refused) return false
      try {
        authorize()
        return subscriber.isReady()
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error
        refused = true
        onRefused(error)
        return false
      }
    },
  }
}
