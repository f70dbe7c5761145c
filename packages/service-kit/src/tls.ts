import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ServerCredentials } from '@grpc/grpc-js'
import { z } from 'zod'
import { type Setting, setting } from './config.ts'

/** Without a certificate a door is plain; with client authorities it wants a client's certificate. */
export interface HttpTls {
  readonly httpTlsCert?: PemFile | undefined
  readonly httpTlsKey?: PemFile | undefined
  readonly httpTlsClientCa?: PemFile | undefined
}

/** As HttpTls. */
export interface GrpcTls {
  readonly grpcTlsCert?: PemFile | undefined
  readonly grpcTlsKey?: PemFile | undefined
  readonly grpcTlsClientCa?: PemFile | undefined
}

/** A file as it was at the start, and where it is: a door reads it again when it has changed. */
export interface PemFile {
  readonly path: string
  readonly text: string
}

/** Who has not said hello by then is cut off; Node would wait for two minutes. */
export const tlsHandshakeTimeoutMs = 10_000

type PemSetting = Setting<PemFile | undefined>

/**
 * Settings of one door. The files are read with the configuration, so that a missing or spoilt one is among its faults.
 * @param prefix of the environment names, such as HTTP
 */
export function tlsSettings(prefix: string, door: string): Record<'cert' | 'key' | 'clientCa', PemSetting> {
  const names = {
    cert: `${prefix}_TLS_CERT_FILE`,
    key: `${prefix}_TLS_KEY_FILE`,
    clientCa: `${prefix}_TLS_CLIENT_CA_FILE`,
  }
  return {
    cert: {
      ...setting(
        names.cert,
        doorFile(certificateFault),
        `PEM file of the ${door}’s certificate and its chain`,
      ),
      needs: names.key,
    },
    key: {
      ...setting(names.key, doorFile(keyFault), `PEM file of the private key of the ${door}’s certificate`),
      needs: names.cert,
    },
    clientCa: {
      ...setting(
        names.clientCa,
        doorFile(certificateFault),
        `PEM file of the authorities whose client certificates the ${door} accepts; none else gets in then`,
      ),
      needs: names.cert,
    },
  }
}

/** Options of a Fastify app; nothing for a plain door. */
export function httpsOptions({ httpTlsCert, httpTlsKey, httpTlsClientCa: ca }: HttpTls): object {
  if (httpTlsCert === undefined || httpTlsKey === undefined) return {}
  return {
    https: {
      cert: httpTlsCert.text,
      key: httpTlsKey.text,
      minVersion: 'TLSv1.2',
      handshakeTimeout: tlsHandshakeTimeoutMs,
      ...(ca !== undefined && { ca: ca.text, requestCert: true, rejectUnauthorized: true }),
    },
  }
}

export function grpcServerCredentials(config: GrpcTls): ServerCredentials {
  const { grpcTlsCert: cert, grpcTlsKey: key, grpcTlsClientCa: ca } = config
  if (cert === undefined || key === undefined) return ServerCredentials.createInsecure()
  const credentials = ServerCredentials.createSsl(
    ca === undefined ? null : Buffer.from(ca.text),
    [{ cert_chain: Buffer.from(cert.text), private_key: Buffer.from(key.text) }],
    ca !== undefined,
  )
  // It knows no such option, and hands these to the server as they are.
  Object.assign(credentials._getConstructorOptions() ?? {}, { handshakeTimeout: tlsHandshakeTimeoutMs })
  return credentials
}

/** Reads a file's text and keeps its path; @param faultOf what is wrong with it */
function doorFile(faultOf: (pem: string) => string | undefined): z.ZodType<PemFile | undefined> {
  return z
    .string()
    .optional()
    .transform((path, context) => {
      if (path === undefined) return undefined
      const { text = '', fault } = readPem(path, faultOf)
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
      return { path, text }
    }) as unknown as z.ZodType<PemFile | undefined>
}

/** Reads a file's text; @param faultOf what is wrong with it */
export function pemFile(faultOf: (pem: string) => string | undefined): z.ZodType<string | undefined> {
  return z
    .string()
    .optional()
    .transform((path, context) => {
      if (path === undefined) return undefined
      const { text, fault } = readPem(path, faultOf)
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
      return text
    }) as unknown as z.ZodType<string | undefined>
}

function readPem(
  path: string,
  faultOf: (pem: string) => string | undefined,
): { text?: string; fault?: string | undefined } {
  try {
    const text = readFileSync(path, 'utf8')
    return { text, fault: faultOf(text) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { fault: code === 'ENOENT' ? 'there is no such file' : `the file cannot be read: ${message}` }
  }
}

export function certificateFault(pem: string): string | undefined {
  try {
    new X509Certificate(pem)
    return undefined
  } catch {
    return 'the file holds no certificate in PEM'
  }
}

export function keyFault(pem: string): string | undefined {
  try {
    createPrivateKey(pem)
    return undefined
  } catch {
    return 'the file holds no private key in PEM without a passphrase'
  }
}
