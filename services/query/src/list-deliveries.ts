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
import { buildCountsSql, buildPlaceSql, buildPlacesSql, type DeliveryPlace } from './delivery-statements.ts'

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
/** Deliveries that once had the status, and may have another by now, are looked at so many at a time and in all. */
const candidates = { atATime: 1_000, times: 10 } as const

interface Found {
  readonly places: readonly DeliveryPlace[]
  /** Where to go on; undefined when there is nothing more. */
  readonly next: DeliveryPlace | undefined
}

export function createDeliveryLister(deps: {
  clickhouse: ClickhouseReader
  cursors: CursorCodec
}): DeliveryLister {
  const { clickhouse, cursors } = deps
  const findPlaces = async (
    reader: Reader,
    filter: DeliveryFilter,
    limit: number,
    after: readonly string[] | undefined,
  ): Promise<Found> => {
    const found: DeliveryPlace[] = []
    const size = filter.status === undefined ? limit + 1 : Math.max(limit + 1, candidates.atATime)
    let position = after
    for (let times = 1; times <= candidates.times; times += 1) {
      const rows = await clickhouse.read(buildPlacesSql(reader, filter, size, position), size)
      found.push(...rows.filter((row) => hasStatus(row, filter.status)).map(toPlace))
      if (found.length > limit) {
        const places = found.slice(0, limit)
        return { places, next: places.at(-1) }
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < size) return { places: found, next: undefined }
      position = toPlace(last)
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

function hasStatus([, , status]: Row, wanted: DeliveryStatus | undefined): boolean {
  return wanted === undefined || status === wanted
}

function toPlace([id, acceptedUs]: Row): DeliveryPlace {
  return [String(acceptedUs), String(id)]
}

function toCounts(rows: readonly Row[]): Record<DeliveryStatus, number> {
  const counts = { pending: 0, retrying: 0, delivered: 0, dead: 0, held: 0 }
  for (const [status, count] of rows) counts[status as DeliveryStatus] += Number(count)
  return counts
}
