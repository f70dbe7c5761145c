import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { isJsonMediaType } from '@millrace/catalog/media-type'
import type { Delivery, Event } from '@millrace/proto'
import { formatTimestamp } from '@millrace/service-kit/timestamp'

/**
 * An event as a delivery to one endpoint. Its id follows from what it is, so that whatever repeats it keeps its
 * webhook-id.
 * @param data see `toStructuredEvent`; the same for all endpoints
 * @param catalogThrough next offset of millrace.catalog to come, where the endpoint was found
 */
export function toEventDelivery(
  event: Event,
  endpoint: string,
  data: Buffer,
  catalogThrough: number,
): Delivery {
  const { tenant, source, id, type, receivedAtUs, traceparent, application } = event
  return {
    tenant,
    id: deliveryId(event, endpoint),
    postbackId: '',
    endpoint,
    request: undefined,
    data,
    retry: undefined,
    acceptedAtUs: receivedAtUs,
    attempts: 0,
    notBeforeUs: 0,
    traceparent,
    application,
    timeoutMs: 0,
    catalogThrough,
    event: { source, id, type },
  }
}

/** 160 bits: whoever chooses sources and ids cannot make two that are the same. */
function deliveryId({ tenant, source, id }: Event, endpoint: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([tenant, endpoint, source, id]))
    .digest()
  return `dl_${digest.subarray(0, 20).toString('base64url')}`
}

/** The event as CloudEvents' JSON format has it; JSON data keeps its bytes. */
export function toStructuredEvent(event: Event): Buffer {
  const attributes = JSON.stringify({
    specversion: '1.0',
    id: event.id,
    source: event.source,
    type: event.type,
    ...(event.subject !== '' && { subject: event.subject }),
    time: formatTimestamp(event.occurredAtUs),
    ...(event.dataContentType !== '' && { datacontenttype: event.dataContentType }),
    ...(event.dataSchema !== '' && { dataschema: event.dataSchema }),
    ...Object.fromEntries(Object.entries(event.extensions).map(([name, { value }]) => [name, value?.value])),
  })
  if (event.data.length === 0) return Buffer.from(attributes)
  return Buffer.concat([Buffer.from(`${attributes.slice(0, -1)},`), ...dataMember(event), closing])
}

const closing = Buffer.from('}')

function dataMember({ data, dataContentType }: Event): readonly Buffer[] {
  if (isJsonMediaType(dataContentType)) return [Buffer.from('"data":'), data]
  if (/^text\//i.test(dataContentType) && isUtf8(data)) {
    return [Buffer.from(`"data":${JSON.stringify(data.toString())}`)]
  }
  return [Buffer.from(`"data_base64":"${data.toString('base64')}"`)]
}
