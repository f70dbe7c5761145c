import { createHash } from 'node:crypto'
import { credentialContext, type SealedCredentials } from '@millrace/catalog/endpoint-credentials'
import type { StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import type { SecretBox } from '@millrace/catalog/seal-secret'
import type { Receiver, ReceiverAuth, ReceiverTls } from './receiver.ts'

/** They cannot be opened: nothing may be sent without them. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError'
}

/**
 * How an endpoint is verified and authenticated to, with its secrets open. What it gives for one version of an
 * endpoint is the same object every time.
 * @throws {CredentialsError}
 */
export type OpenReceiver = (tenant: string, name: string, endpoint: StoredEndpoint) => Receiver

export function createReceiverOpener(box: SecretBox): OpenReceiver {
  // The catalog holds one body per version.
  const opened = new WeakMap<StoredEndpoint, Receiver>()
  return (tenant, name, endpoint) => {
    const known = opened.get(endpoint)
    if (known !== undefined) return known
    const open = (part: keyof SealedCredentials): string => {
      try {
        return box.open(endpoint.credentials?.[part] ?? '', credentialContext(tenant, name, part))
      } catch (cause) {
        throw new CredentialsError('the credentials of the endpoint cannot be opened', { cause })
      }
    }
    const receiver: Receiver = {
      ...(endpoint.auth && { auth: toAuth(endpoint.auth, open('auth'), `${tenant}/${name}`) }),
      ...(endpoint.tls && { tls: toTls(endpoint.tls, endpoint.credentials?.tlsKey && open('tlsKey')) }),
    }
    opened.set(endpoint, receiver)
    return receiver
  }
}

function toAuth(auth: NonNullable<StoredEndpoint['auth']>, secret: string, owner: string): ReceiverAuth {
  if (auth.type === 'bearer') return { kind: 'header', authorization: `Bearer ${secret}` }
  if (auth.type === 'basic') {
    const credentials = Buffer.from(`${auth.username}:${secret}`).toString('base64')
    return { kind: 'header', authorization: `Basic ${credentials}` }
  }
  const { tokenUrl, clientId, scope, audience, clientAuthentication = 'header' } = auth
  const client = { tokenUrl, clientId, clientSecret: secret, scope, audience, clientAuthentication }
  return { kind: 'oauth2', client: { key: `${owner} ${digest(client)}`, ...client } }
}

function toTls({ ca, certificate }: NonNullable<StoredEndpoint['tls']>, privateKey = ''): ReceiverTls {
  const pems = {
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { certificate, privateKey }),
  }
  return { key: digest(pems), ...pems }
}

function digest(value: object): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url')
}
