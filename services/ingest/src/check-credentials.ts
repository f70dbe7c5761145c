import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { checkShape } from '@millrace/catalog/check-shape'
import { BasicAuth, BearerAuth, OAuth2Auth, secretMask } from '@millrace/catalog/endpoint-credentials'
import type { Endpoint } from '@millrace/catalog/endpoint-resource'
import type { Fault } from '@millrace/service-kit/errors'
import { Compile } from 'typebox/compile'
import { checkUrlTemplate } from './check-url-template.ts'

const authShapes = {
  basic: Compile(BasicAuth),
  bearer: Compile(BearerAuth),
  oauth2: Compile(OAuth2Auth),
} as const

/** Faults of `auth` by the shape of its own type: those against all types together would name other types' members. */
export function checkAuthShape(auth: unknown): Fault[] {
  const type = typeof auth === 'object' && auth !== null ? (auth as { type?: unknown }).type : undefined
  if (type !== 'basic' && type !== 'bearer' && type !== 'oauth2') {
    return [{ pointer: '/auth/type', detail: `has to be one of ${Object.keys(authShapes).join(', ')}` }]
  }
  return checkShape(authShapes[type], auth).map((fault) => ({ ...fault, pointer: `/auth${fault.pointer}` }))
}

/** What is wrong with an endpoint's `auth` and `tls`, whose shape has been checked. Kept secrets are not looked at. */
export function checkCredentials({ auth, tls, headers = {} }: Partial<Endpoint>): Fault[] {
  const faults: Fault[] = []
  if (auth !== undefined) {
    const twice = Object.keys(headers).find((name) => name.toLowerCase() === 'authorization')
    if (twice !== undefined) faults.push({ pointer: `/headers/${twice}`, detail: 'is what auth sets' })
  }
  if (auth?.type === 'oauth2') {
    const detail = /[{}]/.test(auth.tokenUrl) ? 'must not have macros' : checkUrlTemplate(auth.tokenUrl)
    if (detail !== undefined) faults.push({ pointer: '/auth/tokenUrl', detail })
  }
  return tls === undefined ? faults : [...faults, ...checkTls(tls)]
}

function checkTls({ ca, certificate, key }: NonNullable<Endpoint['tls']>): Fault[] {
  const faults: Fault[] = []
  const check = (member: string, detail: string | undefined): void => {
    if (detail !== undefined) faults.push({ pointer: `/tls/${member}`, detail })
  }
  if (ca !== undefined) check('ca', certificatesFault(ca))
  if (certificate !== undefined) check('certificate', certificatesFault(certificate))
  if (certificate === undefined && key !== undefined)
    check('certificate', 'is missing: the key belongs to one')
  if (key !== undefined && key !== secretMask) check('key', keyFault(key))
  if (faults.length > 0) return faults
  const given = key === secretMask ? undefined : key
  // OpenSSL refuses more than the parsers do: keys that are too short, chains out of order.
  check(...contextFault(ca, certificate, given))
  return faults
}

const pemBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

function certificatesFault(pem: string): string | undefined {
  const blocks = pem.match(pemBlock)
  if (blocks === null) return 'holds no certificate in PEM (-----BEGIN CERTIFICATE-----)'
  const bad = blocks.findIndex((block) => !isCertificate(block))
  return bad < 0 ? undefined : `holds a certificate that cannot be read: number ${bad + 1}`
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem)
    return true
  } catch {
    return false
  }
}

function keyFault(pem: string): string | undefined {
  try {
    createPrivateKey(pem)
    return undefined
  } catch {
    return 'is not a private key in PEM without a passphrase'
  }
}

function contextFault(
  ca: string | undefined,
  certificate: string | undefined,
  key: string | undefined,
): [member: string, detail: string | undefined] {
  if (certificate !== undefined && key !== undefined) {
    if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
      return ['key', 'is not the key of the certificate']
    }
  }
  try {
    createSecureContext({ ca, ...(key !== undefined && { cert: certificate, key }) })
    return ['', undefined]
  } catch (error) {
    return [key === undefined ? 'ca' : 'certificate', `cannot be used: ${(error as Error).message}`]
  }
}
