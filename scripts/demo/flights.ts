import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** One row of flights-20k.json of the npm package vega-datasets (US flights of early 2001). */
export interface Flight {
  /** Position in the file: the event's id. */
  readonly id: string
  /** RFC 3339; the file's local time, read as UTC. */
  readonly time: string
  /** Minutes; negative when early. */
  readonly delay: number
  /** Miles. */
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

interface Row {
  readonly date: string
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

export function loadFlights(): Flight[] {
  const entry = createRequire(import.meta.url).resolve('vega-datasets')
  const file = join(dirname(entry), '../data/flights-20k.json')
  const rows = JSON.parse(readFileSync(file, 'utf8')) as Row[]
  return rows.map(({ date, ...rest }, index) => ({
    ...rest,
    id: `flight-${index}`,
    time: `${date.replaceAll('/', '-').replace(' ', 'T')}:00Z`,
  }))
}

export interface Figures {
  readonly flights: number
  /** Mean delay in minutes. */
  readonly meanDelay: number
}

/** Flights and mean delay by a key, computed from the file alone. */
export function figuresBy(
  flights: readonly Flight[],
  keyOf: (flight: Flight) => string,
): Map<string, Figures> {
  const sums = new Map<string, { flights: number; delay: number }>()
  for (const flight of flights) {
    const sum = sums.get(keyOf(flight)) ?? { flights: 0, delay: 0 }
    sums.set(keyOf(flight), { flights: sum.flights + 1, delay: sum.delay + flight.delay })
  }
  return new Map(
    [...sums].map(([key, { flights: count, delay }]) => [key, { flights: count, meanDelay: delay / count }]),
  )
}

/** e.g. "2001-01 ATL" */
export const monthAndOrigin = (time: string, origin: string): string => `${time.slice(0, 7)} ${origin}`
