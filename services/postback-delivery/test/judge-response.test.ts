import t from 'tap'
import { AddressError } from '../src/address-guard.ts'
import { describeFailure } from '../src/describe-failure.ts'
import { type FailureCode, judgeFailure, judgeStatus, type Verdict } from '../src/judge-response.ts'

const statuses: readonly (readonly [status: number, verdict: Verdict, only5xx: Verdict])[] = [
  [200, 'delivered', 'delivered'],
  [201, 'delivered', 'delivered'],
  [204, 'delivered', 'delivered'],
  [299, 'delivered', 'delivered'],
  [300, 'retry', 'retry'],
  [301, 'retry', 'retry'],
  [302, 'retry', 'retry'],
  [304, 'retry', 'retry'],
  [308, 'retry', 'retry'],
  [400, 'retry', 'dead'],
  [401, 'retry', 'dead'],
  [403, 'retry', 'dead'],
  [404, 'retry', 'dead'],
  [408, 'retry', 'retry'],
  [409, 'retry', 'dead'],
  [410, 'held', 'held'],
  [422, 'retry', 'dead'],
  [429, 'retry', 'retry'],
  [499, 'retry', 'dead'],
  [500, 'retry', 'retry'],
  [502, 'retry', 'retry'],
  [503, 'retry', 'retry'],
  [504, 'retry', 'retry'],
  [599, 'retry', 'retry'],
  [999, 'retry', 'retry'],
]
for (const [status, verdict, only5xx] of statuses) {
  t.test(`${status} means ${verdict}, and ${only5xx} where only 5xx are tried again`, async (t) => {
    t.equal(judgeStatus(status, false), verdict)
    t.equal(judgeStatus(status, true), only5xx)
  })
}

const failures: readonly (readonly [FailureCode, Verdict])[] = [
  ['dns', 'retry'],
  ['connect', 'retry'],
  ['tls', 'retry'],
  ['timeout', 'retry'],
  ['reset', 'retry'],
  ['protocol', 'retry'],
  ['forbidden_address', 'dead'],
  ['render', 'dead'],
  ['auth', 'retry'],
]
for (const [code, verdict] of failures) {
  t.test(`the failure ${code} means ${verdict}`, async (t) => {
    t.equal(judgeFailure(code), verdict)
  })
}

t.test('errors of the network get the code of their kind', async (t) => {
  const withCode = (code: string) => Object.assign(new Error(`it said ${code}`), { code })
  const cases = {
    ECONNREFUSED: 'connect',
    EHOSTUNREACH: 'connect',
    ECONNRESET: 'reset',
    EPIPE: 'reset',
    UND_ERR_SOCKET: 'reset',
    ETIMEDOUT: 'timeout',
    UND_ERR_CONNECT_TIMEOUT: 'timeout',
    CERT_HAS_EXPIRED: 'tls',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
    ERR_TLS_CERT_ALTNAME_INVALID: 'tls',
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls',
    ERR_SSL_WRONG_VERSION_NUMBER: 'tls',
    HPE_INVALID_CONSTANT: 'protocol',
    UND_ERR_HEADERS_OVERFLOW: 'protocol',
  } as const
  for (const [code, expected] of Object.entries(cases)) {
    t.same(describeFailure(withCode(code)), { code: expected, detail: `it said ${code}` })
  }
  t.equal(describeFailure(new AddressError('dns', 'no such host', true)).code, 'dns')
})

t.test('a forbidden address ends a delivery, unless a name server has given it', async (t) => {
  for (const [mayChange, verdict] of [
    [false, 'dead'],
    [true, 'retry'],
  ] as const) {
    const failure = describeFailure(new AddressError('forbidden_address', 'private', mayChange))
    t.equal(failure.code, 'forbidden_address')
    t.equal(judgeFailure(failure.code, failure.mayChange), verdict)
  }
})
