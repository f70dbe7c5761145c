import { plural } from '../format.ts'
import type { Tone } from '../parts/pieces.tsx'
import type { Attempt, Delivery } from '../types.ts'

export const deliveryStatuses = ['pending', 'retrying', 'delivered', 'dead', 'held'] as const

const tones: Readonly<Record<string, Tone>> = {
  delivered: 'good',
  retrying: 'warn',
  retry: 'warn',
  held: 'warn',
  dead: 'bad',
}

export function toneOf(status: string): Tone {
  return tones[status] ?? 'none'
}

/** Of an attempt: what came back, or why nothing did. */
export function answerOf({ responseCode, errorCode }: Attempt): string {
  return responseCode !== undefined ? String(responseCode) : (errorCode ?? 'no answer')
}

export function outcomeOf({ attempts }: Delivery): string {
  const last = attempts.at(-1)
  if (last === undefined) return 'not attempted yet'
  return `${plural(attempts.length, 'attempt')}, last answer ${answerOf(last)}`
}

/** The URL without what makes it long. */
export function targetOf({ endpoint, attempts }: Delivery): string {
  if (endpoint !== undefined) return endpoint
  const url = URL.parse(attempts.at(-1)?.url ?? '')
  return url === null ? 'postback' : url.host + url.pathname
}
