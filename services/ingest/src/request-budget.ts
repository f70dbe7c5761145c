import { ServiceError } from '@millrace/service-kit/errors'

/** Bounds the memory of all requests that are being read or answered, over all doors and connections. */
export interface RequestBudget {
  /** The share of one request, with what it costs without its body. @throws {ServiceError} `unavailable` */
  open(): RequestShare
  /** Bytes that are held now. */
  heldBytes(): number
}

export interface RequestShare {
  /**
   * To be called before, or as soon as, so many more bytes of the request are held.
   * @throws {ServiceError} `unavailable`; what was asked for is not counted then
   */
  take(bytes: number): void
  /** Gives so many bytes back. */
  give(bytes: number): void
  /** Gives everything back; whatever is taken afterwards does not count. */
  close(): void
}

/** What a request's objects, its answer and its place in a connection take, roughly. */
const bytesPerRequest = 4_096

export function createRequestBudget(maxBytes: number): RequestBudget {
  let held = 0
  const take = (bytes: number): void => {
    // A request that is larger than the budget passes when there is no other.
    if (held > bytesPerRequest && held + bytes > maxBytes) throw spent()
    held += bytes
  }
  return {
    open() {
      take(bytesPerRequest)
      let taken = bytesPerRequest
      let open = true
      return {
        take(bytes) {
          if (!open) return
          take(bytes)
          taken += bytes
        },
        give(bytes) {
          if (!open) return
          held -= bytes
          taken -= bytes
        },
        close() {
          if (open) held -= taken
          open = false
        },
      }
    },
    heldBytes: () => held,
  }
}

function spent(): ServiceError {
  return new ServiceError(
    'unavailable',
    'The requests under way take all the memory there is for them. Send the same request again a little later.',
  )
}
