import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '@millrace/service-kit/config'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { connectKafkaProducer } from '@millrace/service-kit/kafka-producer'
import { createLogger } from '@millrace/service-kit/log'
import { kafkaSettings } from '@millrace/service-kit/shared-settings'
import t, { type Test } from 'tap'
import { type Certificates, makeCertificates } from '../../access/make-certificates.ts'
import { findFreePorts } from '../../local-stack/free-ports.ts'
import { startKafka } from '../../local-stack/index.ts'

t.setTimeout(120_000)

const logger = createLogger('kafka-security-test', 'silent')
const password = 'mill-race'

function property(path: string): string {
  return readFileSync(path, 'utf8').trim().replaceAll('\n', '\\n')
}

/** A broker with a second listener, for clients with a certificate of ours and the password. */
async function startSecureKafka(t: Test): Promise<{ broker: string; files: Certificates }> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-secure-kafka-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const files = makeCertificates(directory)
  const [client = 0, controller = 0, secure = 0] = await findFreePorts(3)
  const plain = `CLIENT://127.0.0.1:${client}`
  const guarded = `SECURE://127.0.0.1:${secure}`
  const kafka = await startKafka({
    directory,
    ports: [{ client, controller }],
    settings: {
      listeners: `${plain},${guarded},CONTROLLER://127.0.0.1:${controller}`,
      'advertised.listeners': `${plain},${guarded}`,
      'listener.security.protocol.map': 'CLIENT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT',
      'listener.name.secure.ssl.keystore.type': 'PEM',
      'listener.name.secure.ssl.keystore.certificate.chain': property(files.serverCert),
      'listener.name.secure.ssl.keystore.key': property(files.serverKey),
      'listener.name.secure.ssl.truststore.type': 'PEM',
      'listener.name.secure.ssl.truststore.certificates': property(files.ca),
      'listener.name.secure.ssl.client.auth': 'required',
      'listener.name.secure.sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.secure.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_millrace="${password}";`,
    },
  })
  t.teardown(() => kafka.stop())
  return { broker: `127.0.0.1:${secure}`, files }
}

function configOf(environment: Record<string, string>): KafkaConfig {
  return readConfig(kafkaSettings, environment)
}

/** Whether a producer can be connected with these settings. */
async function connects(config: KafkaConfig): Promise<boolean> {
  try {
    const options = {
      clientId: 'test',
      deliveryTimeoutMs: 5_000,
      lingerMs: 1,
      maxUnconfirmedBytes: 1_000_000,
    }
    const producer = await connectKafkaProducer(config, options, logger)
    await producer.stop(1_000)
    return true
  } catch {
    return false
  }
}

t.test(
  'brokers behind TLS, client certificates and a password are reached with all three only',
  async (t) => {
    const { broker, files } = await startSecureKafka(t)
    const whole = {
      KAFKA_BROKERS: broker,
      KAFKA_TLS: 'true',
      KAFKA_TLS_CA_FILE: files.ca,
      KAFKA_TLS_CERT_FILE: files.clientCert,
      KAFKA_TLS_KEY_FILE: files.clientKey,
      KAFKA_SASL_MECHANISM: 'PLAIN',
      KAFKA_SASL_USERNAME: 'millrace',
      KAFKA_SASL_PASSWORD: password,
    }
    t.equal(await connects(configOf(whole)), true, 'with all of them')
    t.equal(await connects(configOf({ ...whole, KAFKA_SASL_PASSWORD: 'guessed' })), false, 'a wrong password')
    t.equal(
      await connects(configOf({ ...whole, KAFKA_TLS_CA_FILE: '' })),
      false,
      'an authority we do not know',
    )
    const stranger = { KAFKA_TLS_CERT_FILE: files.strangerCert, KAFKA_TLS_KEY_FILE: files.strangerKey }
    t.equal(await connects(configOf({ ...whole, ...stranger })), false, 'a certificate they do not know')
  },
)

t.test('settings that make sense together only are refused apart', async (t) => {
  t.throws(() => configOf({ KAFKA_SASL_PASSWORD: 'p' }), { message: /KAFKA_SASL_USERNAME/ })
  t.throws(() => configOf({ KAFKA_SASL_USERNAME: 'u' }), { message: /KAFKA_SASL_MECHANISM/ })
  t.throws(() => configOf({ KAFKA_TLS: 'yes' }), { message: /KAFKA_TLS is "yes"/ })
})
