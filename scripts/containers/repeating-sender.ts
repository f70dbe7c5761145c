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

export const jsonHeaders = (key: string) => ({
  authorization: `Bearer ${key}`,
  'content-type': 'application/json',
})

/** Sends the same again when it fails, as every client should. */
export function createRepeatingSender({ ingest, key, tries }: SenderTarget) {
  const refusals: string[] = []
  const sentAgain: string[] = []
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
        const line = `${new Date().toISOString()} ${path}: ${failure.slice(0, textLimit)}`
        if (left === 0) {
          refusals.push(line)
          return false
        }
        sentAgain.push(line)
        await delay(retryAfterMs)
      }
    },
  }
}
