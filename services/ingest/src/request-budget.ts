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
  const account = { heldBytes: 0, maxBytes }
  return {
    open: () => new Share(account),
    heldBytes: () => account.heldBytes,
  }
}

interface Account {
  heldBytes: number
  readonly maxBytes: number
}

/** A class, since every request makes one: closures would cost several times as much. */
class Share implements RequestShare {
  readonly #account: Account
  #taken = 0
  #isOpen = true

  constructor(account: Account) {
    this.#account = account
    this.take(bytesPerRequest)
  }

  take(bytes: number): void {
    if (!this.#isOpen) return
    const { heldBytes, maxBytes } = this.#account
    // A request that is larger than the budget passes when there is no other.
    if (heldBytes > this.#taken && heldBytes + bytes > maxBytes) throw spent()
    this.#account.heldBytes += bytes
    this.#taken += bytes
  }

  give(bytes: number): void {
    if (!this.#isOpen) return
    this.#account.heldBytes -= bytes
    this.#taken -= bytes
  }

  close(): void {
    if (this.#isOpen) this.#account.heldBytes -= this.#taken
    this.#isOpen = false
  }
}

function spent(): ServiceError {
  return new ServiceError(
    'unavailable',
    'The requests under way take all the memory there is for them. Send the same request again a little later.',
  )
}
