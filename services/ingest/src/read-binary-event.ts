import type { IncomingHttpHeaders } from 'node:http'
import { isJsonMediaType } from '@millrace/catalog/media-type'
import type { Event } from '@millrace/proto'
import { createFaultList } from './fault-list.ts'
import { type Reception, type Report, readEvent } from './read-event.ts'
import { checkJson } from './read-json-event.ts'

const prefix = 'ce-'

/** Whether a request carries its event in binary mode: attributes as headers, data as the body. */
export function isBinaryMode(headers: IncomingHttpHeaders): boolean {
  return 'ce-id' in headers || 'ce-type' in headers || 'ce-source' in headers || 'ce-specversion' in headers
}

/**
 * The event of a request in binary mode. Source: CloudEvents HTTP binding 1.0.2, section 3.1.
 * @param rawHeaders names and values in turn, as they came
 * @throws {ServiceError} `invalid-request` with every fault
 */
export function readBinaryEvent(rawHeaders: readonly string[], body: Buffer, reception: Reception): Event {
  const faults = createFaultList()
  const report = faults.reportOf(0)
  const attributes = readAttributes(rawHeaders, report)
  if ('datacontenttype' in attributes)
    report('/datacontenttype', 'is sent as content-type, not as ce-datacontenttype')
  const contentType = contentTypeOf(rawHeaders)
  attributes.datacontenttype = contentType ?? (body.length > 0 ? 'application/octet-stream' : undefined)
  const event = readEvent(attributes, { ...reception, fillIn: false }, report)
  if (body.length > 0 && isJsonMediaType(event.dataContentType)) checkJson(body, '/data', report)
  event.data = body
  faults.refuse()
  return event
}

/** Without a prototype: nothing that a header may be called is there already. */
function readAttributes(rawHeaders: readonly string[], report: Report): Record<string, unknown> {
  const attributes = Object.create(null) as Record<string, unknown>
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const header = (rawHeaders[at] as string).toLowerCase()
    if (!header.startsWith(prefix)) continue
    const name = header.slice(prefix.length)
    if (name in attributes) report(pointerTo(name), 'is given by more than one header')
    attributes[name] = decode(name, rawHeaders[at + 1] as string, report)
  }
  return attributes
}

function contentTypeOf(rawHeaders: readonly string[]): string | undefined {
  const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && /^content-type$/i.test(name))
  return at === -1 ? undefined : rawHeaders[at + 1]
}

/** Values are percent-encoded UTF-8; older senders put what has blanks and quotes into quotes instead. */
function decode(name: string, value: string, report: Report): string {
  if (!/^[\x20-\x7e]*$/.test(value)) {
    report(pointerTo(name), 'has to be printable ASCII in a header: percent-encode the rest, as UTF-8')
    return '?'
  }
  // Quotes inside of a value stay: the SDKs send them as they are.
  const isQuoted = /^"(?:[^"\\]|\\.)*"$/.test(value)
  const unquoted = isQuoted ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
  try {
    return decodeURIComponent(unquoted)
  } catch {
    report(pointerTo(name), 'is not percent-encoded UTF-8: a percent sign itself is %25')
    return '?'
  }
}

function pointerTo(name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}
