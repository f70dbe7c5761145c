import { setTimeout as delay } from 'node:timers/promises'

interface SenderTarget {
  readonly ingest: string
  readonly key: string
  /** How often the same is sent before it counts as refused. */
  readonly tries: number
}

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

/** Sends the same again when it fails, as every client should. */
export function createRepeatingSender({ ingest, key, tries }: SenderTarget) {
  const refusals: FailedTry[] = []
  const sentAgain: FailedTry[] = []
  const post = async (path: string, body: string): Promise<string | undefined> => {
    try {
      const response = await fetch(ingest + path, {
        method: 'POST',
        headers: jsonHeaders(key),
        body,
        signal: AbortSignal.timeout(timeoutMs),
      })
      const text = await response.text()
      return response.status === 202 ? undefined : `${response.status} ${text}`
    } catch (error) {
      const { message, cause } = error as Error
      return `${message} ${cause ?? ''}`
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
        const failed = { at: new Date(), reason: `${path}: ${failure.slice(0, textLimit)}` }
        if (left === 0) {
          refusals.push(failed)
          return false
        }
        sentAgain.push(failed)
        await delay(retryAfterMs)
      }
    },
  }
}
