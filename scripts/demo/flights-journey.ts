import { randomUUID } from 'node:crypto'
import type { MeshAddress } from '../client/mesh-http.ts'
import { waitUntil } from '../local-stack/wait-until.ts'
import { type Comparison, compareByMonth, compareWorst, countFlights } from './compare-reports.ts'
import { loadFlights } from './flights.ts'
import { startReceiver } from './receiver.ts'
import { checkPostbacks, type PostbackResult, requestPostbacks } from './request-postbacks.ts'
import { registerFlights, sendFlights } from './send-flights.ts'

export interface JourneyResult {
  readonly flights: number
  /** Events that the mesh acked, repeats included. */
  readonly sent: number
  readonly counted: number
  readonly byMonth: readonly Comparison[]
  readonly worst: readonly Comparison[]
  readonly postbacks: PostbackResult
  /** Requests that the receiver answered with 500. */
  readonly refused: number
  readonly streamReconnects: number
  readonly agrees: boolean
}

export interface JourneyEvents {
  readonly onStep: (text: string) => void
  /** Events acked so far, of about how many. */
  readonly onSent: (sent: number, total: number) => void
}

const hoursLate = 3
/** The receiver refuses that many requests before it is well. */
const refuseFirst = 20

/**
 * The main job of the mesh on real data: 20,000 flights in, each counted once although every tenth is sent twice,
 * postbacks for the late ones, reports equal to the file's own figures.
 * @param patienceMs how long reports and postbacks may take after the last event was acked
 */
export async function runFlightsJourney(
  address: MeshAddress,
  events: JourneyEvents,
  patienceMs = 60_000,
): Promise<JourneyResult> {
  const flights = loadFlights()
  const late = flights.filter(({ delay }) => delay > hoursLate * 60)
  const run = `/demo/flights/${randomUUID()}`
  const receiver = await startReceiver(refuseFirst)
  try {
    events.onStep('registering the event type flight.arrived and the meters flights and flight-delay')
    await registerFlights(address)
    events.onStep(`sending ${flights.length} flights, half over HTTP, half over gRPC, every tenth twice`)
    const total = Math.ceil(flights.length * 1.1)
    const [{ sent, reconnects }, postbackIds] = await Promise.all([
      sendFlights(address, run, flights, (count) => events.onSent(count, total)),
      requestPostbacks(address, receiver, late),
    ])
    const sentAt = new Date().toISOString()
    events.onStep('waiting until the reports include everything')
    await waitUntil(async () => (await countFlights(address, run)).dataThrough > sentAt, {
      timeoutMs: patienceMs,
      everyMs: 100,
      what: `reports that include all events received before ${sentAt}`,
    })
    const { flights: counted } = await countFlights(address, run)
    const [byMonth, worst] = await Promise.all([
      compareByMonth(address, run, flights),
      compareWorst(address, run, flights),
    ])
    events.onStep(
      `waiting for ${late.length} postbacks; the receiver answered 500 to its first ${refuseFirst} requests`,
    )
    const postbacks = await checkPostbacks(address, receiver, late, postbackIds, patienceMs)
    const agrees =
      counted === flights.length &&
      worst.length === 10 &&
      [...byMonth, ...worst].every((comparison) => comparison.agrees) &&
      postbacks.faults.length === 0
    return {
      flights: flights.length,
      sent,
      counted,
      byMonth,
      worst,
      postbacks,
      refused: receiver.refused(),
      streamReconnects: reconnects,
      agrees,
    }
  } finally {
    await receiver.stop()
  }
}
