import { setTimeout as delay } from 'node:timers/promises'

interface SenderTarget {
  readonly ingest: string
  readonly key: string
  /** How often the same is sent before it counts as refused. */
  readonly tries: number
}

/** Where the answer names no other time. */
const retryAfterMs = 1_000
const timeoutMs = 15_000
const textLimit = 300

/** What was sent once more or refused, and why. */
export interface FailedTry {
  readonly at: Date
  readonly reason: string
}

/** A line for each reason, with how often and within which time. */
export function describeFailedTries(tries: readonly FailedTry[]): readonly string[] {
  return [...Map.groupBy(tries, ({ reason }) => reason)].map(([reason, those]) => {
    const [first, last] = [those[0], those.at(-1)].map((one) => one?.at.toISOString())
    return `${those.length} ×, ${first} to ${last}: ${reason}`
  })
}

export const jsonHeaders = (key: string) => ({
  authorization: `Bearer ${key}`,
  'content-type': 'application/json',
})

interface Failure {
  readonly reason: string
  readonly waitMs: number
}

/** Sends the same again when it fails, when it was told to or a second later, as every client should. */
export function createRepeatingSender({ ingest, key, tries }: SenderTarget) {
  const refusals: FailedTry[] = []
  const sentAgain: FailedTry[] = []
  const post = async (path: string, body: string): Promise<Failure | undefined> => {
    try {
      const response = await fetch(ingest + path, {
        method: 'POST',
        headers: jsonHeaders(key),
        body,
        signal: AbortSignal.timeout(timeoutMs),
      })
      const text = await response.text()
      if (response.status === 202) return undefined
      const seconds = Number(response.headers.get('retry-after'))
      return { reason: `${response.status} ${text}`, waitMs: seconds > 0 ? seconds * 1_000 : retryAfterMs }
    } catch (error) {
      const { message, cause } = error as Error
      return { reason: `${message} ${cause ?? ''}`, waitMs: retryAfterMs }
    }
  }
  return {
    refusals,
    sentAgain,
    /** @returns whether it was accepted */
    async send(path: string, value: unknown): Promise<boolean> {
      const body = JSON.stringify(value)
      for (let left = tries - 1; ; left -= 1) {
        const failure = await post(path, body)
        if (failure === undefined) return true
        const failed = { at: new Date(), reason: `${path}: ${failure.reason.slice(0, textLimit)}` }
        if (left === 0) {
          refusals.push(failed)
          return false
        }
        sentAgain.push(failed)
        await delay(failure.waitMs)
      }
    },
  }
}
