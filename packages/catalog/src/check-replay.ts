import type { Fault } from '@millrace/service-kit/errors'
import { parseTimestamp, timestampRange } from '@millrace/service-kit/timestamp'
import { Compile } from 'typebox/compile'
import { checkShape, soundMembers } from './check-shape.ts'
import { DeliveryReplay, EventReplay, type ReplayRequest } from './replay-resource.ts'

const shapes = { events: Compile(EventReplay), deliveries: Compile(DeliveryReplay) } as const

/** What is wrong with the body of a replay; empty when nothing is. */
export function checkReplay(body: unknown): Fault[] {
  // Each kind by itself: of a union that does not match nobody could tell which member was meant.
  const what = typeof body === 'object' && body !== null ? (body as { what?: unknown }).what : undefined
  if (what !== 'events' && what !== 'deliveries') {
    return [{ pointer: '/what', detail: 'has to be one of events, deliveries' }]
  }
  const faults = checkShape(shapes[what], body)
  const { filter } = body as { filter?: unknown }
  const sound = soundMembers<ReplayRequest['filter']>(filter, faults, '/filter')
  return [...faults, ...checkIds(sound), ...checkTimes(sound)]
}

/** Together they have to fit into one question to ClickHouse. */
const maxIdsBytes = 48 * 1024

function checkIds({ ids = [] }: Partial<ReplayRequest['filter']>): Fault[] {
  const bytes = ids.reduce((sum, id) => sum + Buffer.byteLength(id), 0)
  if (bytes <= maxIdsBytes) return []
  return [{ pointer: '/filter/ids', detail: `has at most ${maxIdsBytes} bytes in all; send several replays` }]
}

function checkTimes({ from, to }: Partial<ReplayRequest['filter']>): Fault[] {
  const faults: Fault[] = []
  const read = (name: string, text: string | undefined): number | undefined => {
    const us = text === undefined ? undefined : parseTimestamp(text)
    if (text !== undefined && us === undefined) {
      faults.push({ pointer: `/filter/${name}`, detail: `is not an RFC 3339 time ${timestampRange}` })
    }
    return us
  }
  const fromUs = read('from', from)
  const toUs = read('to', to)
  if (fromUs !== undefined && toUs !== undefined && fromUs >= toUs) {
    faults.push({ pointer: '/filter/from', detail: 'has to lie before to' })
  }
  return faults
}
