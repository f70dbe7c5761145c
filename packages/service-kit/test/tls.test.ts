import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeCertificates } from '../../../scripts/access/make-certificates.ts'
import { ConfigError, readConfig } from '../src/config.ts'
import { doorSettings, httpSettings } from '../src/shared-settings.ts'

const settings = { ...httpSettings(8080), ...doorSettings({ grpc: 1, operations: 2 }) }
const directory = t.testdir()
const files = makeCertificates(directory)

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(settings, environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

t.test('certificates are read with the configuration, each door’s its own', async (t) => {
  const config = readConfig(settings, {
    HTTP_TLS_CERT_FILE: files.serverCert,
    HTTP_TLS_KEY_FILE: files.serverKey,
    HTTP_TLS_CLIENT_CA_FILE: files.ca,
  })
  t.match(config, {
    httpTlsCert: { path: files.serverCert, text: /BEGIN CERTIFICATE/ },
    httpTlsKey: { text: /PRIVATE KEY/ },
    httpTlsClientCa: { text: /BEGIN/ },
  })
  t.match(config, { grpcTlsCert: undefined, grpcTlsKey: undefined, grpcTlsClientCa: undefined })
})

t.test('faults of all files are told at once', async (t) => {
  const none = join(directory, 'none.pem')
  const spoilt = join(directory, 'spoilt.pem')
  writeFileSync(spoilt, 'nothing of the kind')
  const faults = faultsOf({
    HTTP_TLS_CERT_FILE: none,
    HTTP_TLS_KEY_FILE: files.serverCert,
    GRPC_TLS_CERT_FILE: spoilt,
    GRPC_TLS_KEY_FILE: directory,
  })
  t.equal(faults.length, 4)
  t.match(faults[0], /^HTTP_TLS_CERT_FILE is ".*none\.pem": there is no such file/)
  t.match(faults[1], /^HTTP_TLS_KEY_FILE .*no private key/)
  t.match(faults[2], /^GRPC_TLS_CERT_FILE .*no certificate/)
  t.match(faults[3], /^GRPC_TLS_KEY_FILE .*cannot be read/)
})

t.test('a certificate goes with its key, and client authorities with both', async (t) => {
  t.match(faultsOf({ HTTP_TLS_CERT_FILE: files.serverCert }), [
    /HTTP_TLS_CERT_FILE is given without HTTP_TLS_KEY_FILE/,
  ])
  t.match(faultsOf({ HTTP_TLS_KEY_FILE: files.serverKey }), [
    /HTTP_TLS_KEY_FILE is given without HTTP_TLS_CERT_FILE/,
  ])
  t.match(faultsOf({ GRPC_TLS_CLIENT_CA_FILE: files.ca }), [
    /GRPC_TLS_CLIENT_CA_FILE is given without GRPC_TLS_CERT_FILE/,
  ])
})
