import type { IncomingHttpHeaders } from 'node:http'
import { isJsonMediaType } from '@millrace/catalog/media-type'
import type { Event } from '@millrace/proto'
import type { Fault } from '@millrace/service-kit/errors'
import { type Reception, type Report, readEvent } from './read-event.ts'
import { checkJson, refuseFaulty } from './read-json-events.ts'

const prefix = 'ce-'

/** Whether a request carries its event in binary mode: attributes as headers, data as the body. */
export function isBinaryMode(headers: IncomingHttpHeaders): boolean {
  return 'ce-id' in headers || 'ce-type' in headers || 'ce-source' in headers || 'ce-specversion' in headers
}

/**
 * The event of a request in binary mode. Source: CloudEvents HTTP binding 1.0.2, section 3.1.
 * @throws {ServiceError} `invalid-request` with every fault
 */
export function readBinaryEvent(headers: IncomingHttpHeaders, body: Buffer, reception: Reception): Event {
  const faults: Fault[] = []
  const report: Report = (pointer, detail) => faults.push({ index: 0, pointer, detail })
  const attributes: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(prefix) || value === undefined) continue
    attributes[name.slice(prefix.length)] = decode(name, String(value), report)
  }
  if ('datacontenttype' in attributes)
    report('/datacontenttype', 'is sent as content-type, not as ce-datacontenttype')
  attributes.datacontenttype =
    headers['content-type'] ?? (body.length > 0 ? 'application/octet-stream' : undefined)
  const event = readEvent(attributes, { ...reception, fillIn: false }, report)
  if (body.length > 0 && isJsonMediaType(event.dataContentType)) checkJson(body, '/data', report)
  event.data = body
  refuseFaulty(faults)
  return event
}

/** Header values are percent-encoded UTF-8, perhaps in quotes. */
function decode(name: string, value: string, report: Report): string {
  const unquoted = /^".*"$/s.test(value) ? value.slice(1, -1).replace(/\\(.)/gs, '$1') : value
  try {
    return decodeURIComponent(unquoted)
  } catch {
    report(`/${name.slice(prefix.length)}`, 'is not percent-encoded UTF-8')
    return '?'
  }
}
