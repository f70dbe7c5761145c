/** What becomes of a delivery after an attempt. */
export type Verdict = 'delivered' | 'retry' | 'dead' | 'held'

/** Stable codes of attempts without a (whole) response. */
export type FailureCode =
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'reset'
  | 'protocol'
  | 'forbidden_address'
  | 'render'
  /** No token, or the endpoint's credentials cannot be opened. */
  | 'auth'
  /** A secret cannot be opened: nothing goes out unsigned, and the operator can mend it. */
  | 'signing'
  /** The registered endpoint was deleted, is disabled, or held by an operator: there was no request. */
  | 'endpoint_gone'
  | 'endpoint_disabled'
  | 'endpoint_held'

/**
 * The contract's table for responses.
 * @param only5xx other 4xx are answers that will not change: attribution postbacks
 */
export function judgeStatus(status: number, only5xx: boolean): Verdict {
  if (status >= 200 && status < 300) return 'delivered'
  if (status === 408 || status === 429) return 'retry'
  // The receiver wants no more: kept until somebody releases it. A registered endpoint will be disabled as well.
  if (status === 410) return 'held'
  if (status >= 400 && status < 500) return only5xx ? 'dead' : 'retry'
  return 'retry'
}

/**
 * A request that cannot be made, or that may not be made to this address, will be no different next time, unless it is
 * a name server that has given the address.
 */
export function judgeFailure(code: FailureCode, mayChange = false): Verdict {
  if (mayChange) return 'retry'
  if (code === 'endpoint_disabled' || code === 'endpoint_held') return 'held'
  return code === 'render' || code === 'forbidden_address' || code === 'endpoint_gone' ? 'dead' : 'retry'
}
