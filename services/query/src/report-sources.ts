import { needsEvents, subjectCondition } from './report-access.ts'
import { effectiveChanges } from './report-changes.ts'
import type { ReportQuery } from './report-query.ts'
import { valueForm } from './report-values.ts'
import { type Minutes, rollupSources } from './rollup-sources.ts'
import {
  groupConditions,
  keyColumns,
  micros,
  ofMeter,
  type ReportSource,
  seconds,
  unrolledTimes,
} from './source-columns.ts'
import type { Parameters } from './statement.ts'

const minuteUs = 60_000_000
const place = '(kafka_partition, kafka_offset, kafka_index)'
const utcOfEvent = "toDateTime(occurred_at, 'UTC')"
const minuteOfEvent = `toStartOfMinute(${utcOfEvent})`

/**
 * What together holds every reading of a report once.
 *
 * Minutes that lie wholly in the range come from the rollups, the parts at its ends from single readings. So do minutes
 * with a retraction or settlement that the rollup could not take in: of extremes, which cannot be taken back, and of a
 * meter that is younger than the event.
 */
export function reportSources(query: ReportQuery, parameters: Parameters): readonly ReportSource[] {
  const { meter, access } = query
  Object.assign(parameters, {
    tenant: meter.tenant,
    meter: meter.name,
    version: meter.version,
    eventTypes: access.eventTypes,
    from: String(query.fromUs),
    to: String(query.toUs),
  })
  const everything = `occurred_at >= ${micros('from')} AND occurred_at < ${micros('to')}`
  if (valueForm(meter.aggregation).from === 'readings') return [valuesSource(query, everything, parameters)]
  const minutes = wholeMinutes(query)
  if (minutes === undefined || needsEvents(meter, access))
    return [singlesSource(query, everything, parameters)]
  const besides = besidesMinutes(query, minutes)
  return [
    ...rollupSources(query, minutes, parameters),
    ...(besides === '' ? [] : [singlesSource(query, besides, parameters)]),
  ]
}

function wholeMinutes({ fromUs, toUs }: ReportQuery): Minutes | undefined {
  const from = Math.ceil(fromUs / minuteUs) * 60
  const to = Math.floor(toUs / minuteUs) * 60
  return from < to ? { from, to } : undefined
}

/** A condition on `occurred_at`: parts of minutes at both ends, minutes that the rollup leaves out; may be empty. */
function besidesMinutes(query: ReportQuery, { from, to }: Minutes): string {
  const ends = [
    ...(query.fromUs < from * 1_000_000
      ? [`(occurred_at >= ${micros('from')} AND occurred_at < ${seconds('minutesFrom')})`]
      : []),
    ...(query.toUs > to * 1_000_000
      ? [`(occurred_at >= ${seconds('minutesTo')} AND occurred_at < ${micros('to')})`]
      : []),
  ]
  const left = `(occurred_at >= ${seconds('minutesFrom')} AND occurred_at < ${seconds('minutesTo')}
      AND ${minuteOfEvent} IN (${unrolledTimes(query, {})}))`
  return [...ends, ...(query.changes.unrolled ? [left] : [])].join('\n    OR ')
}

/** Readings one by one: of live events beside the event, of a backfill in a table of their own. */
function singlesSource(query: ReportQuery, time: string, parameters: Parameters): ReportSource {
  const { meter, access } = query
  const restricted = needsEvents(meter, access)
    ? subjectCondition('subject', access.subjects, parameters)
    : ''
  const types = 'type IN {eventTypes:Array(String)}'
  const groups = meter.aggregation === 'amount' && query.changes.settlements ? settledGroups(time) : 'groups'
  return {
    table: 'events',
    ...keyColumns(query, utcOfEvent, 'shown'),
    ...ofReadings(query),
    place: undefined,
    from: `(
    SELECT occurred_at, value, ${groups} AS shown FROM (
      SELECT occurred_at, reading.group AS groups, reading.value AS value, kafka_partition, kafka_offset, kafka_index
      FROM events ARRAY JOIN readings AS reading
      WHERE tenant = {tenant:String} AND ${types} AND (${time})${restricted}
        AND reading.meter = {meter:String} AND reading.version = {version:UInt64}
      UNION ALL
      SELECT occurred_at, \`group\` AS groups, value, kafka_partition, kafka_offset, kafka_index
      FROM backfilled_readings
      WHERE ${ofMeter} AND ${types} AND (${time})${restricted}
    )${query.changes.retractions ? `\n    WHERE ${place} NOT IN (${changed('retraction', time)})` : ''}
  )
  WHERE 1${groupConditions(query, 'shown', parameters)}`,
  }
}

function ofReadings({ meter }: ReportQuery): Pick<ReportSource, 'count' | 'part'> {
  return { count: 'toInt64(1)', part: valueForm(meter.aggregation).ofReading }
}

/** An amount is stored as it came, unsettled; whether it was settled since, its settlement knows. */
function settledGroups(time: string): string {
  return `arrayConcat(arrayPopBack(groups), [if(${place} IN (${changed('settlement', time)}), 'true', 'false')])`
}

/** Places in Kafka of the events with an effective change. */
function changed(kind: 'retraction' | 'settlement', time: string): string {
  return `SELECT kafka_partition, event_offset, event_index FROM event_changes
      WHERE ${effectiveChanges([kind])} AND (${time})`
}

/** Every single value, for aggregations that sums do not do for. */
function valuesSource(query: ReportQuery, time: string, parameters: Parameters): ReportSource {
  const { meter, access } = query
  const allowed = needsEvents(meter, access)
    ? ` AND ${place} IN (SELECT kafka_partition, kafka_offset, kafka_index FROM events
      WHERE tenant = {tenant:String} AND type IN {eventTypes:Array(String)} AND (${time})${subjectCondition(
        'subject',
        access.subjects,
        parameters,
      )})`
    : ''
  const retracted = query.changes.retractions
    ? `\n    AND ${place} NOT IN (${changed('retraction', time)})`
    : ''
  return {
    table: 'meter_readings',
    ...keyColumns(query, utcOfEvent, '`group`'),
    ...ofReadings(query),
    place: '(occurred_at, kafka_partition, kafka_offset, kafka_index)',
    from: `meter_readings
  WHERE ${ofMeter} AND ${time}${retracted}${allowed}${groupConditions(query, '`group`', parameters)}`,
  }
}
