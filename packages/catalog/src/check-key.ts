import type { Fault } from '@millrace/service-kit/errors'
import { parseTimestamp } from '@millrace/service-kit/timestamp'
import { Compile } from 'typebox/compile'
import type { Principal } from './authenticate-key.ts'
import { checkShape } from './check-shape.ts'
import { type KeyConstraints, patternsBeyond } from './key-constraints.ts'
import { KeyRequest } from './key-resource.ts'

const shape = Compile(KeyRequest)

/** What is wrong with the body of a request for a key; empty when nothing is. */
export function checkKeyRequest(body: unknown, nowUs: number): Fault[] {
  const faults = checkShape(shape, body)
  const { expiresAt } = (typeof body === 'object' && body !== null ? body : {}) as { expiresAt?: unknown }
  if (typeof expiresAt === 'string' && !faults.some(({ pointer }) => pointer === '/expiresAt')) {
    const us = parseTimestamp(expiresAt)
    if (us === undefined) {
      faults.push({
        pointer: '/expiresAt',
        detail: 'is not an RFC 3339 time, such as "2030-01-31T00:00:00Z", nor null',
      })
    } else if (us <= nowUs) faults.push({ pointer: '/expiresAt', detail: 'has to be in the future' })
  }
  return faults
}

/** What of a key reaches further than the key that it would be issued with; empty when nothing does. */
export function checkIssuer(request: KeyRequest, issuer: Principal): Fault[] {
  const faults: Fault[] = []
  for (const [index, scope] of request.scopes.entries()) {
    if (!issuer.scopes.has(scope)) {
      faults.push({ pointer: `/scopes/${index}`, detail: `is a scope that your key does not have: ${scope}` })
    }
  }
  for (const list of ['eventTypes', 'subjects'] as const) {
    faults.push(...checkPatterns(list, request.constraints, issuer.constraints))
  }
  if (request.tenant !== undefined && issuer.keyId !== undefined && request.tenant !== issuer.tenant) {
    faults.push({ pointer: '/tenant', detail: 'is for the root key to give; leave it out' })
  }
  return faults
}

function checkPatterns(
  list: 'eventTypes' | 'subjects',
  asked: KeyConstraints | undefined,
  own: KeyConstraints | undefined,
): Fault[] {
  const patterns = asked?.[list]
  const beyond = patternsBeyond(own?.[list], patterns)
  if (patterns === undefined) {
    return beyond.map(() => ({
      pointer: '/constraints',
      detail: `needs ${list}, since your key is constrained to ${own?.[list]?.join(', ')}`,
    }))
  }
  return beyond.map((pattern) => ({
    pointer: `/constraints/${list}/${patterns.indexOf(pattern)}`,
    detail: `reaches further than your key, which is constrained to ${own?.[list]?.join(', ')}`,
  }))
}
