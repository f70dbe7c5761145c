import { checkFilter } from '@millrace/catalog/check-filter'
import { checkShape } from '@millrace/catalog/check-shape'
import { Endpoint } from '@millrace/catalog/endpoint-resource'
import type { Fault } from '@millrace/service-kit/errors'
import { Compile } from 'typebox/compile'
import { checkAuthShape, checkCredentials } from './check-credentials.ts'
import { checkHeaders } from './check-headers.ts'
import { checkUrlTemplate } from './check-url-template.ts'

const shape = Compile(Endpoint)

/** What is wrong with the body of an endpoint; empty when nothing is. */
export function checkEndpoint(body: unknown): Fault[] {
  // Before the shape: it says better what is wrong with a filter, and how deep one may nest.
  if (typeof body === 'object' && body !== null && Object.hasOwn(body, 'filter')) {
    const faults = checkFilter((body as { filter: unknown }).filter, '/filter')
    if (faults.length > 0) return faults
  }
  const faults = checkShape(shape, body).filter(({ pointer }) => !/^\/auth(\/|$)/.test(pointer))
  if (typeof body === 'object' && body !== null && Object.hasOwn(body, 'auth')) {
    faults.push(...checkAuthShape((body as { auth: unknown }).auth))
  }
  if (faults.length > 0) return faults
  const { url, headers = {} } = body as Endpoint
  const urlFault = checkUrlTemplate(url)
  return [
    ...(urlFault === undefined ? [] : [{ pointer: '/url', detail: urlFault }]),
    ...checkHeaders(headers, '/headers'),
    ...checkCredentials(body as Endpoint),
  ]
}
