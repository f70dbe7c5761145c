import { checkFilterOf } from '@millrace/catalog/check-filter'
import { checkShape, soundMembers } from '@millrace/catalog/check-shape'
import { Endpoint } from '@millrace/catalog/endpoint-resource'
import type { Fault } from '@millrace/service-kit/errors'
import { Compile } from 'typebox/compile'
import { checkAuthShape, checkCredentials } from './check-credentials.ts'
import { checkHeaders } from './check-headers.ts'
import { checkUrlTemplate } from './check-url-template.ts'

const shape = Compile(Endpoint)

/** What is wrong with the body of an endpoint; empty when nothing is. */
export function checkEndpoint(body: unknown): Fault[] {
  const { rest, faults } = checkFilterOf(body)
  faults.push(...checkShape(shape, rest).filter(({ pointer }) => !/^\/auth(\/|$)/.test(pointer)))
  if (typeof body === 'object' && body !== null && Object.hasOwn(body, 'auth')) {
    faults.push(...checkAuthShape((body as { auth: unknown }).auth))
  }
  const endpoint = soundMembers<Endpoint>(rest, faults)
  const urlFault = endpoint.url === undefined ? undefined : checkUrlTemplate(endpoint.url)
  return [
    ...faults,
    ...(urlFault === undefined ? [] : [{ pointer: '/url', detail: urlFault }]),
    ...checkHeaders(endpoint.headers ?? {}, '/headers'),
    ...checkCredentials(endpoint),
  ]
}
