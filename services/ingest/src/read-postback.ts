import { checkShape, soundMembers } from '@millrace/catalog/check-shape'
import { toRetryPolicy } from '@millrace/catalog/retry-policy'
import type { RequestTemplate, RetryPolicy } from '@millrace/proto'
import { type Fault, ServiceError } from '@millrace/service-kit/errors'
import { Compile } from 'typebox/compile'
import { checkHeaders } from './check-headers.ts'
import { checkUrlTemplate } from './check-url-template.ts'
import { parseJsonBody } from './parse-json-body.ts'
import { PostbackRequest } from './postback-request.ts'
import { scanElements, scanMembers, skipBlanks, skipValue } from './scan-json.ts'

/** A postback that was asked for, checked. */
export interface Postback {
  readonly request: RequestTemplate
  readonly retry: RetryPolicy
  /** JSON text of each data object, as it was sent. */
  readonly data: readonly Buffer[]
}

const shape = Compile(PostbackRequest)

/** @throws {ServiceError} `invalid-request` with every fault */
export function readPostback(body: Buffer): Postback {
  const value = parseJsonBody(body)
  const faults = checkShape(shape, value)
  const given = (value as Partial<PostbackRequest> | null)?.endpoint
  faults.push(...checkEndpoint(soundMembers(given, faults, '/endpoint')))
  if (faults.length > 0) throw refused(faults)
  const { endpoint, defaults = {}, retry = 'webhook' } = value as PostbackRequest
  return {
    request: {
      method: endpoint.method,
      url: endpoint.url,
      headers: endpoint.headers ?? {},
      body: endpoint.body,
      defaults,
    },
    retry: toRetryPolicy(retry),
    data: findData(body),
  }
}

function checkEndpoint({ method, url, headers = {}, body }: Partial<PostbackRequest['endpoint']>): Fault[] {
  const faults = checkHeaders(headers, '/endpoint/headers')
  const urlFault = url === undefined ? undefined : checkUrlTemplate(url)
  if (urlFault !== undefined) faults.push({ pointer: '/endpoint/url', detail: urlFault })
  if (body !== undefined && (method === 'GET' || method === 'DELETE')) {
    faults.push({ pointer: '/endpoint/body', detail: `is not sent with ${method}; use POST, PUT or PATCH` })
  }
  return faults
}

/** The elements of the member `data`. */
function findData(body: Buffer): Buffer[] {
  const found: Buffer[] = []
  scanMembers(body, skipBlanks(body, 0), (keyStart, keyEnd, valueStart) => {
    if (JSON.parse(body.toString('utf8', keyStart, keyEnd)) !== 'data') return
    scanElements(body, valueStart, (start) => {
      const end = skipValue(body, start)
      found.push(body.subarray(start, end))
      return end
    })
  })
  return found
}

function refused(faults: readonly Fault[]): ServiceError {
  const first = faults.map(({ pointer, detail }) => `${pointer || 'the body'} ${detail}`).slice(0, 3)
  return new ServiceError('invalid-request', `Nothing was accepted: ${first.join('; ')}.`, { faults })
}
