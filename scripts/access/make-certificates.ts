import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Paths of PEM files. */
export interface Certificates {
  readonly ca: string
  readonly serverCert: string
  readonly serverKey: string
  readonly clientCert: string
  readonly clientKey: string
  /** Of a client that the authority has not signed. */
  readonly strangerCert: string
  readonly strangerKey: string
}

/** An authority, and certificates of a server on loopback and of its clients. Needs the command openssl. */
export function makeCertificates(directory: string): Certificates {
  const path = (name: string): string => join(directory, name)
  const openssl = (...parameters: string[]): void => {
    execFileSync('openssl', parameters, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  const makeAuthority = (name: string): void =>
    openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.pem`],
    )
  const sign = (authority: string, name: string, extensions: string): void => {
    writeFileSync(path(`${name}.ext`), extensions)
    openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`],
      ...['-keyout', `${name}.key`, '-out', `${name}.csr`],
    )
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', `${authority}.pem`, '-CAkey', `${authority}.key`],
      ...['-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`],
    )
  }
  makeAuthority('authority')
  makeAuthority('other-authority')
  sign('authority', 'server', 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
  sign('authority', 'client', 'extendedKeyUsage=clientAuth\n')
  sign('other-authority', 'stranger', 'extendedKeyUsage=clientAuth\n')
  return {
    ca: path('authority.pem'),
    serverCert: path('server.pem'),
    serverKey: path('server.key'),
    clientCert: path('client.pem'),
    clientKey: path('client.key'),
    strangerCert: path('stranger.pem'),
    strangerKey: path('stranger.key'),
  }
}
