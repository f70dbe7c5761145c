import type { Cell, ClickhouseReader, Row } from './clickhouse-reader.ts'
import type { DeliveryStatus, StoredAttempt, StoredDelivery, StoredTransition } from './delivery.ts'
import { buildRecordsSql, type DeliveryPlace } from './delivery-statements.ts'

/** A row of `buildRecordsSql`. */
interface StoredRecord extends StoredAttempt, Pick<StoredDelivery, 'id' | 'acceptedAtUs'> {
  readonly withoutRequest: boolean
  readonly replay: string
  readonly postbackId: string
  readonly endpoint: string
  readonly event: NonNullable<StoredDelivery['event']>
}

/** Of a page; a delivery has few records each. */
const maxRecordsEach = 1_000

/** The deliveries in the order of their places, with all that has become of them. */
export async function readDeliveries(
  clickhouse: ClickhouseReader,
  tenant: string,
  places: readonly DeliveryPlace[],
  bodies: boolean,
): Promise<StoredDelivery[]> {
  if (places.length === 0) return []
  const rows = await clickhouse.read(buildRecordsSql(tenant, places, bodies), places.length * maxRecordsEach)
  const records = Map.groupBy(rows.map(toRecord), placeOf)
  return places.flatMap(([acceptedUs, id]) => {
    const own = records.get(`${acceptedUs} ${id}`)
    return own === undefined ? [] : [toDelivery(own)]
  })
}

function placeOf({ acceptedAtUs, id }: StoredRecord): string {
  return `${acceptedAtUs} ${id}`
}

/** @param records at least one, in their order */
function toDelivery(records: readonly StoredRecord[]): StoredDelivery {
  const [first] = records as readonly [StoredRecord, ...StoredRecord[]]
  const last = records.at(-1) ?? first
  const { id, postbackId, endpoint, event, acceptedAtUs } = last
  return {
    id,
    postbackId,
    endpoint,
    event: event.id === '' ? undefined : event,
    status: statusAfter(last),
    acceptedAtUs,
    attempts: records.filter(({ number, withoutRequest }) => number > 0 && !withoutRequest),
    transitions: records.filter(({ withoutRequest }) => withoutRequest).map(toTransition),
  }
}

function toTransition({ outcome, startedAtUs, errorCode, replay }: StoredRecord): StoredTransition {
  return { to: outcome as StoredTransition['to'], atUs: startedAtUs, reason: errorCode, replay }
}

/** The same as the view of delivery_states says. */
function statusAfter({ outcome, number }: StoredRecord): DeliveryStatus {
  if (outcome === 'accepted') return 'pending'
  if (outcome === 'redriven') return number === 0 ? 'pending' : 'retrying'
  return outcome === 'retry' ? 'retrying' : (outcome as DeliveryStatus)
}

function toRecord(row: Row): StoredRecord {
  const text = (index: number): string => String(row[index])
  const isTrue = (cell: Cell | undefined): boolean => cell === true || cell === 1
  return {
    id: text(0),
    number: Number(row[1]),
    outcome: text(2),
    method: text(3),
    url: text(4),
    startedAtUs: Number(row[5]),
    durationUs: Number(row[6]),
    responseCode: Number(row[7]),
    responseBody: Buffer.from(text(8), 'base64'),
    responseBodyTruncated: isTrue(row[9]),
    errorCode: text(10),
    errorDetail: text(11),
    nextAttemptAtUs: Number(row[12]),
    traceparent: text(13),
    withoutRequest: isTrue(row[14]),
    replay: text(15),
    postbackId: text(16),
    endpoint: text(17),
    event: { source: text(18), id: text(19), type: text(20) },
    acceptedAtUs: Number(row[21]),
  }
}
