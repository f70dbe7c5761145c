import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { SecureContextOptions } from 'node:tls'
import type { ServerCredentials } from '@grpc/grpc-js'
import type { FastifyInstance } from 'fastify'
import type { Logger } from './log.ts'
import type { GrpcTls, HttpTls, PemFile } from './tls.ts'

interface DoorFiles {
  readonly cert: PemFile | undefined
  readonly key: PemFile | undefined
  readonly ca: PemFile | undefined
}

/** How often the files are looked at. Mounted secrets are exchanged by links, which watching does not tell of everywhere. */
const lookEveryMs = 5_000

/** Lets an app present its certificate's successor as soon as the files have changed; connections that stand go on. */
export function renewHttpTls(
  app: FastifyInstance,
  { httpTlsCert: cert, httpTlsKey: key, httpTlsClientCa: ca }: HttpTls,
  logger: Logger | undefined,
  everyMs?: number,
): void {
  const server = app.server as { setSecureContext?(options: SecureContextOptions): void }
  // It replaces the options as a whole.
  const apply = (options: SecureContextOptions): void =>
    server.setSecureContext?.({ ...options, minVersion: 'TLSv1.2' })
  const stop = renew({ cert, key, ca }, apply, logger, everyMs)
  app.addHook('onClose', async () => stop())
}

/** As `renewHttpTls`, for a gRPC server that was made with these credentials; returns what ends it. */
export function renewGrpcTls(
  credentials: ServerCredentials,
  { grpcTlsCert: cert, grpcTlsKey: key, grpcTlsClientCa: ca }: GrpcTls,
  logger: Logger | undefined,
  everyMs?: number,
): () => void {
  // What its own credentials that read files do; those would drop every connection while a file is missing.
  const open = credentials as unknown as { updateSecureContextOptions(options: SecureContextOptions): void }
  return renew({ cert, key, ca }, (options) => open.updateSecureContextOptions(options), logger, everyMs)
}

function renew(
  { cert, key, ca }: DoorFiles,
  apply: (options: SecureContextOptions) => void,
  logger: Logger | undefined,
  everyMs = lookEveryMs,
): () => void {
  if (cert === undefined || key === undefined) return () => undefined
  const files = [cert, key, ...(ca === undefined ? [] : [ca])]
  let known = files.map(({ text }) => text)
  let looking = false
  const look = async (): Promise<void> => {
    const texts = await Promise.all(files.map(({ path }) => readFile(path, 'utf8')))
    if (texts.every((text, at) => text === known[at])) return
    // Told once for each change, whatever comes of it.
    known = texts
    const [certText = '', keyText = '', caText] = texts
    const certificate = new X509Certificate(certText)
    if (!certificate.checkPrivateKey(createPrivateKey(keyText))) {
      throw new Error('the key is not the certificate’s; both may be on their way')
    }
    apply({ cert: certText, key: keyText, ...(caText !== undefined && { ca: caText }) })
    logger?.info({ part: 'tls', certificate: cert.path, validTo: certificate.validTo }, 'certificate renewed')
  }
  const timer = setInterval(() => {
    if (looking) return
    looking = true
    look()
      .catch((error: unknown) => {
        logger?.warn({ part: 'tls', certificate: cert.path, err: error }, 'the old certificate is kept')
      })
      .finally(() => {
        looking = false
      })
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
