import { type Static, Type } from 'typebox'

/** What stands in the place of a secret that is kept. Sent back, it keeps the secret; so does leaving the member out. */
export const secretMask = '********'

const kept = `Never shown: ${secretMask} stands for one that is kept. That, or leaving it out, keeps it for as long as what it was given for stays the same.`
const headerSafe = { pattern: '^[\\x21-\\x7e]+$', 'x-form': 'visible ASCII characters without blanks' }
const printable = { pattern: '^[^\\p{C}]*$', 'x-form': 'text without control characters' }

export const BasicAuth = Type.Object(
  {
    type: Type.Literal('basic'),
    username: Type.String({
      maxLength: 1_024,
      pattern: '^[^:\\p{C}]*$',
      'x-form': 'text without colons and control characters',
    }),
    password: Type.Optional(Type.String({ minLength: 1, maxLength: 4_096, ...printable, description: kept })),
  },
  { additionalProperties: false },
)

export const BearerAuth = Type.Object(
  {
    type: Type.Literal('bearer'),
    token: Type.Optional(Type.String({ minLength: 1, maxLength: 8_192, ...headerSafe, description: kept })),
  },
  { additionalProperties: false },
)

export const OAuth2Auth = Type.Object(
  {
    type: Type.Literal('oauth2', { description: 'Client credentials grant (RFC 6749, section 4.4).' }),
    tokenUrl: Type.String({ minLength: 1, description: 'Where tokens are fetched, without macros.' }),
    clientId: Type.String({ minLength: 1, maxLength: 1_024, ...printable }),
    clientSecret: Type.Optional(
      Type.String({ minLength: 1, maxLength: 4_096, ...printable, description: kept }),
    ),
    scope: Type.Optional(
      Type.String({ minLength: 1, maxLength: 4_096, description: 'Separated by blanks.' }),
    ),
    audience: Type.Optional(Type.String({ minLength: 1, maxLength: 4_096 })),
    clientAuthentication: Type.Optional(
      Type.Enum(['header', 'body'], {
        description:
          'How the client names itself to the token endpoint: Basic (the default), or in the form.',
      }),
    ),
  },
  { additionalProperties: false },
)

/** How requests authenticate to the receiver, beside their signature. */
export const EndpointAuth = Type.Union([BasicAuth, BearerAuth, OAuth2Auth], {
  description: 'How requests authenticate to the receiver, beside their signature.',
})
export type EndpointAuth = Static<typeof EndpointAuth>

const pem = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 65_536, description }))

export const EndpointTls = Type.Object(
  {
    ca: pem('PEM certificates of authorities: only these are trusted then, for this receiver.'),
    certificate: pem('PEM certificate that is shown to the receiver, with its chain.'),
    key: pem(`PEM private key of the certificate, without a passphrase. ${kept}`),
  },
  { additionalProperties: false },
)
export type EndpointTls = Static<typeof EndpointTls>

/** Secrets apart from what belongs to them, sealed (see seal-secret.ts). No API shows them. */
export interface SealedCredentials {
  /** Password, token or client's secret. */
  readonly auth?: string
  /** Private key. */
  readonly tlsKey?: string
}

/** The member of each kind that is a secret. */
export const authSecrets = { basic: 'password', bearer: 'token', oauth2: 'clientSecret' } as const

/** What sealed credentials are bound to: they open for this endpoint, and in this place. */
export function credentialContext(tenant: string, name: string, part: keyof SealedCredentials): string {
  return `${tenant}/endpoint/${name}/${part}`
}

/** An endpoint's members as they are shown: a mask stands where a secret is kept. */
export function maskCredentials(endpoint: {
  readonly auth?: EndpointAuth
  readonly tls?: EndpointTls
  readonly credentials?: SealedCredentials
}): { auth?: EndpointAuth; tls?: EndpointTls } {
  const { auth, tls, credentials } = endpoint
  return {
    ...(auth && { auth: { ...auth, ...(credentials?.auth && { [authSecrets[auth.type]]: secretMask }) } }),
    ...(tls && { tls: { ...tls, ...(credentials?.tlsKey && { key: secretMask }) } }),
  }
}
