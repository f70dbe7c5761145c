import { isJsonMediaType } from '@millrace/catalog/media-type'
import type { AttributeValue, CloudEvent, Event } from '@millrace/proto'
import type { Fault } from '@millrace/service-kit/errors'
import { isStorableTime, timestampRange } from '@millrace/service-kit/timestamp'
import { type Reception, type Report, readEvent } from './read-event.ts'
import { checkJson, refuseFaulty } from './read-json-events.ts'

/**
 * The events of a gRPC request.
 * @throws {ServiceError} `invalid-request` with every fault
 */
export function readGrpcEvents(events: readonly CloudEvent[], reception: Reception): Event[] {
  const faults: Fault[] = []
  const read = events.map((event, index) =>
    readOne(event, reception, (pointer, detail) => faults.push({ index, pointer, detail })),
  )
  refuseFaulty(faults)
  return read
}

function readOne(sent: CloudEvent, reception: Reception, report: Report): Event {
  const attributes: Record<string, unknown> = {}
  for (const name of Object.keys(sent.extensions)) {
    if (known.has(name)) report(`/${name}`, 'is an attribute of its own, not an extension')
    else attributes[name] = attributeOf(sent.extensions[name])
  }
  // Protobuf cannot tell an empty text from an absent one.
  const texts = {
    specversion: sent.specVersion,
    id: sent.id,
    source: sent.source,
    type: sent.type,
    subject: sent.subject,
    datacontenttype: sent.dataContentType,
    dataschema: sent.dataSchema,
  }
  for (const [name, text] of Object.entries(texts)) if (text !== '') attributes[name] = text
  const event = readEvent(attributes, reception, report)
  if (sent.time !== undefined) {
    const us = sent.time.seconds * 1_000_000 + Math.floor(sent.time.nanos / 1_000)
    if (isStorableTime(us)) event.occurredAtUs = us
    else report('/time', `has to lie ${timestampRange}`)
  }
  event.data = sent.data
  if (sent.data.length > 0 && isJsonMediaType(event.dataContentType)) checkJson(sent.data, '/data', report)
  return event
}

const known = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'datacontenttype',
  'dataschema',
])

/** A value without a type is what readEvent refuses. */
function attributeOf(value: AttributeValue | undefined): unknown {
  return value?.value === undefined ? {} : value.value.value
}
