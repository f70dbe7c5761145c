import type { Delivery, RequestTemplate } from '@millrace/proto'
import { refusedHeaders } from '@millrace/service-kit/refused-headers'
import { parseData } from './macro-values.ts'
import type { Receiver } from './receiver.ts'
import { type MacroSources, RenderError, renderBodyTemplate } from './render-template.ts'
import { renderUrl } from './render-url.ts'

export interface RenderedRequest {
  readonly method: string
  readonly origin: string
  /** Path and query. */
  readonly target: string
  readonly pathname: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | null
  /** How it is authenticated, and its receiver verified, where that is not what everybody does. */
  readonly receiver?: Receiver
}

const methodsWithBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])
const methodsWithout: ReadonlySet<string> = new Set(['GET', 'DELETE'])

const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * One attempt's request.
 * @param template the endpoint's, where it is not the delivery that says what is requested
 * @throws {RenderError} when no request can be made of the delivery
 */
export function renderRequest(
  delivery: Delivery,
  attempt: { readonly traceparent: string; readonly timestampSeconds: number },
  template: RequestTemplate | undefined = delivery.request,
): RenderedRequest {
  if (template === undefined) throw new RenderError('the delivery has no request')
  const { method } = template
  if (!methodsWithBody.has(method) && !methodsWithout.has(method)) {
    throw new RenderError(`the method ${JSON.stringify(method)} is not one that is sent`)
  }
  const sources = new DeliverySources(delivery.data, template.defaults)
  const headers = ownHeaders(template.headers)
  headers['user-agent'] ??= 'millrace'
  headers['accept-encoding'] = 'identity'
  headers['webhook-id'] = delivery.id
  headers['webhook-timestamp'] = String(attempt.timestampSeconds)
  headers.traceparent = attempt.traceparent
  let body: Buffer | null = null
  if (methodsWithBody.has(method)) {
    const contentType = headers['content-type'] ?? 'application/json'
    headers['content-type'] = contentType
    body =
      template.body === undefined
        ? delivery.data
        : Buffer.from(renderBodyTemplate(template.body, sources, contentType))
  }
  return { method, ...renderUrl(template.url, sources), headers, body }
}

/** The data object is parsed when the first macro asks for it. */
class DeliverySources implements MacroSources {
  readonly defaults: MacroSources['defaults']
  readonly #bytes: Buffer
  #parsed: { readonly data: unknown } | undefined

  constructor(bytes: Buffer, defaults: MacroSources['defaults']) {
    this.#bytes = bytes
    this.defaults = defaults
  }

  get data(): unknown {
    this.#parsed ??= { data: parse(this.#bytes) }
    return this.#parsed.data
  }
}

function parse(data: Buffer): unknown {
  try {
    return parseData(data)
  } catch (error) {
    throw new RenderError('the data object is not JSON', { cause: error })
  }
}

function ownHeaders(given: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    const lower = name.toLowerCase()
    if (refusedHeaders.has(lower)) continue
    if (!headerName.test(name) || !headerValue.test(value)) {
      throw new RenderError(`the header ${JSON.stringify(name)} cannot be sent`)
    }
    headers[lower] = value
  }
  return headers
}
