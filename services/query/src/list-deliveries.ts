import { ServiceError } from '@millrace/service-kit/errors'
import type { ClickhouseReader, Row } from './clickhouse-reader.ts'
import type { Reader } from './constrain-events.ts'
import type { CursorCodec } from './cursor.ts'
import {
  type DeliveryFilter,
  type DeliveryStatus,
  deliveryStatuses,
  overallStatus,
  type StoredDelivery,
  type StoredPostback,
} from './delivery.ts'
import { readDeliveries } from './delivery-records.ts'
import {
  buildCountsSql,
  buildHavingStatusSql,
  buildPlaceSql,
  buildPlacesSql,
  type DeliveryPlace,
} from './delivery-statements.ts'
import type { Microseconds } from './time.ts'

/**
 * A key's constraints are on events. Postbacks are none: their deliveries are shown to each key with the scope. What
 * an endpoint gets is events, and a constrained key does not see the deliveries of those.
 */
export interface DeliveryLister {
  /** The latest accepted first; response bodies are left out. A page may hold fewer than asked for before the last. */
  list(
    reader: Reader,
    filter: DeliveryFilter,
    limit: number,
    cursor: string | undefined,
  ): Promise<{ readonly deliveries: readonly StoredDelivery[]; readonly nextCursor: string | undefined }>
  /** @throws {ServiceError} `not-found` */
  find(reader: Reader, id: string): Promise<StoredDelivery>
  /** @throws {ServiceError} `not-found` */
  findPostback(reader: Reader, id: string): Promise<StoredPostback>
}

const maxPostbackDeliveries = 1_000
/** States of a delivery that are not merged yet, mostly. */
const rowsEach = 3
/** Of deliveries that once had the status, and may have another by now, so many are looked at at a time. */
const candidates = 1_000
/** Then the page ends, however full it is. */
const maxTimes = 10

interface Found {
  readonly places: readonly DeliveryPlace[]
  /** Where to go on; undefined when there is nothing more. */
  readonly next: DeliveryPlace | undefined
}

export function createDeliveryLister(deps: {
  clickhouse: ClickhouseReader
  cursors: CursorCodec
  /** Microseconds since 1970. */
  nowUs: () => Microseconds
}): DeliveryLister {
  const { clickhouse, cursors } = deps
  const havingStatus = async (
    { tenant }: Reader,
    places: readonly DeliveryPlace[],
    status: DeliveryStatus | undefined,
  ): Promise<readonly DeliveryPlace[]> => {
    if (status === undefined || places.length === 0) return places
    const rows = await clickhouse.read(buildHavingStatusSql(tenant, places, status), places.length)
    return rows.map(toPlace)
  }
  const findPlaces = async (
    reader: Reader,
    filter: DeliveryFilter,
    limit: number,
    after: readonly string[] | undefined,
  ): Promise<Found> => {
    const found: DeliveryPlace[] = []
    const size = Math.max((limit + 1) * rowsEach, filter.status === undefined ? 0 : candidates)
    let position = after
    let asked = withinMonth(filter, Number(after?.[0] ?? deps.nowUs()))
    for (let times = 1; times <= maxTimes; times += 1) {
      const rows = await clickhouse.read(buildPlacesSql(reader, asked, size, position), size)
      const places = distinct(rows.map(toPlace))
      found.push(...(await havingStatus(reader, places, filter.status)))
      if (found.length > limit) return { places: found.slice(0, limit), next: found[limit - 1] }
      position = places.at(-1) ?? position
      if (rows.length === size) continue
      if (asked.fromUs === filter.fromUs) return { places: found, next: undefined }
      asked = filter
    }
    return { places: found, next: position as DeliveryPlace | undefined }
  }
  return {
    async list(reader, filter, limit, cursor) {
      const subject = JSON.stringify(['deliveries', reader.tenant, filter, reader.constraints])
      const after = cursor === undefined ? undefined : cursors.decode(subject, cursor)
      const { places, next } = await findPlaces(reader, filter, limit, after)
      return {
        deliveries: await readDeliveries(clickhouse, reader.tenant, places, false),
        nextCursor: next && cursors.encode(subject, next),
      }
    },
    async find(reader, id) {
      const places = (await clickhouse.read(buildPlaceSql(reader, id), 1)).map(toPlace)
      const [delivery] = await readDeliveries(clickhouse, reader.tenant, places, true)
      if (delivery === undefined) {
        throw new ServiceError('not-found', 'There is no delivery of this id, or it has not landed yet.')
      }
      return delivery
    },
    async findPostback(reader, id) {
      const [{ places }, counted] = await Promise.all([
        findPlaces(reader, { postback: id }, maxPostbackDeliveries, undefined),
        clickhouse.read(buildCountsSql(reader.tenant, id), deliveryStatuses.length),
      ])
      if (places.length === 0) {
        throw new ServiceError('not-found', 'There is no postback of this id, or it has not landed yet.')
      }
      const counts = toCounts(counted)
      const deliveries = await readDeliveries(clickhouse, reader.tenant, places, false)
      return { id, status: overallStatus(counts), counts, deliveries }
    },
  }
}

/**
 * The part of what is asked for that lies in the month in which a page begins: a partition of the table, beside which
 * nothing has to be opened. Mostly the page is full before the month is over.
 */
function withinMonth(filter: DeliveryFilter, beginsUs: Microseconds): DeliveryFilter {
  const begins = new Date(Math.min(beginsUs, filter.toUs ?? beginsUs) / 1_000)
  const monthUs = Date.UTC(begins.getUTCFullYear(), begins.getUTCMonth()) * 1_000
  return { ...filter, fromUs: Math.max(monthUs, filter.fromUs ?? monthUs) }
}

/** @param places in their order */
function distinct(places: readonly DeliveryPlace[]): readonly DeliveryPlace[] {
  return places.filter(([acceptedUs, id], index) => {
    const [lastUs, lastId] = places[index - 1] ?? []
    return acceptedUs !== lastUs || id !== lastId
  })
}

function toPlace([id, acceptedUs]: Row): DeliveryPlace {
  return [String(acceptedUs), String(id)]
}

function toCounts(rows: readonly Row[]): Record<DeliveryStatus, number> {
  const counts = { pending: 0, retrying: 0, delivered: 0, dead: 0, held: 0 }
  for (const [status, count] of rows) counts[status as DeliveryStatus] += Number(count)
  return counts
}
