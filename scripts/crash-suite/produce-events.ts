import type { MeshHttp } from '../client/mesh-http.ts'
import { chaosEvent, idOf, isRetracted, isSettled, source } from './chaos-events.ts'
import { createRandom } from './random.ts'

export interface Production {
  /** Events that were accepted, each counted once. */
  accepted(): number
  /** Resolves once all of them are accepted, and their settlements and retractions too. */
  readonly done: Promise<void>
}

const batchEvents = 400
const repeatedShare = 0.05

/**
 * Several producers that send everything until it is accepted, and a part of it again later.
 * @param mayGoOn resolves when the share of the events given may be sent
 */
export function produceEvents(
  http: MeshHttp,
  { events, producers, seed }: { readonly events: number; readonly producers: number; readonly seed: number },
  mayGoOn: (share: number) => Promise<void>,
): Production {
  let next = 0
  let accepted = 0
  const produce = async (index: number): Promise<void> => {
    const random = createRandom(seed + index)
    while (next < events) {
      const from = next
      const to = Math.min(events, from + batchEvents)
      next = to
      await mayGoOn(from / events)
      const numbers = Array.from({ length: to - from }, (_, offset) => from + offset)
      await http.publish(numbers.map(chaosEvent))
      accepted += numbers.length
      await Promise.all(numbers.map((number) => change(http, number)))
      const again = Math.floor(random() * from)
      const repeats = Math.round(batchEvents * repeatedShare)
      await http.publish(
        Array.from({ length: repeats }, (_, offset) => chaosEvent(Math.min(again + offset, to - 1))),
      )
    }
  }
  const done = Promise.all(Array.from({ length: producers }, (_, index) => produce(index))).then(
    () => undefined,
  )
  return { accepted: () => accepted, done }
}

/** Twice, as a client would that had no answer the first time: it has its effect once. */
async function change(http: MeshHttp, number: number): Promise<void> {
  const settlement = { reference: 'chaos', settledAt: '2026-02-01T00:00:00Z' }
  for (let times = 0; isSettled(number) && times < 2; times += 1)
    await http.settle(idOf(number), source, settlement)
  if (isRetracted(number)) await http.retract(idOf(number), source)
}
