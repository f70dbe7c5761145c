import { isJsonMediaType } from '@millrace/catalog/media-type'
import type { AttributeValue, CloudEvent, Event } from '@millrace/proto'
import { isStorableTime, timestampRange } from '@millrace/service-kit/timestamp'
import { createFaultList } from './fault-list.ts'
import { type Reception, type Report, readEvent } from './read-event.ts'
import { checkJson } from './read-json-event.ts'

/**
 * The events of a gRPC request.
 * @throws {ServiceError} `invalid-request` with every fault
 */
export function readGrpcEvents(events: readonly CloudEvent[], reception: Reception): Event[] {
  const faults = createFaultList()
  const read = events.map((event, index) => readOne(event, reception, faults.reportOf(index)))
  faults.refuse()
  return read
}

function readOne(sent: CloudEvent, reception: Reception, report: Report): Event {
  // Protobuf cannot tell an empty text from an absent one.
  const attributes: Record<string, unknown> = {
    specversion: sent.specVersion || undefined,
    id: sent.id || undefined,
    source: sent.source || undefined,
    type: sent.type || undefined,
    subject: sent.subject || undefined,
    datacontenttype: sent.dataContentType || undefined,
    dataschema: sent.dataSchema || undefined,
  }
  // Decoding sets the prototype by that name instead of a member.
  if (Object.getPrototypeOf(sent.extensions) !== Object.prototype)
    report('/__proto__', 'is not a name that an extension attribute may have: 1 to 64 of a-z and 0-9')
  for (const name of Object.keys(sent.extensions)) {
    if (known.has(name)) report(`/${name}`, 'is an attribute of its own, not an extension')
    else attributes[name] = attributeOf(sent.extensions[name])
  }
  const event = readEvent(attributes, reception, report)
  if (sent.time !== undefined) {
    const { seconds, nanos } = sent.time
    const us = seconds * 1_000_000 + Math.floor(nanos / 1_000)
    if (nanos < 0 || nanos > 999_999_999) report('/time', 'has to have nanos from 0 to 999,999,999')
    else if (isStorableTime(us)) event.occurredAtUs = us
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
