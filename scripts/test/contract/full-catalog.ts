import { CatalogRecord } from '@millrace/proto'
import { catalogTopic } from '@millrace/proto/topics'
import { readConfig } from '@millrace/service-kit/config'
import { connectKafkaProducer } from '@millrace/service-kit/kafka-producer'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import { createLogger } from '@millrace/service-kit/log'
import { kafkaSettings } from '@millrace/service-kit/shared-settings'
import type { Environment } from './running-mesh.ts'

/** Resources of one kind that a tenant may have. */
const limit = 10_000
const requestedAt = '2026-01-01T00:00:00Z'
/** By kind: what counts is what can be used. */
const bodies = {
  'event-type': {},
  meter: {},
  endpoint: { url: 'https://partner.example/', secrets: [] },
  key: { application: 'shop', scopes: ['events:write'], expiresAt: null, hash: '' },
  replay: { what: 'events', filter: {}, ratePerSecond: 1, status: 'accepted', requestedAt },
}

/** Writes as many resources of each kind as a tenant may have, before any service is there. */
export async function fillCatalog(environment: Environment): Promise<void> {
  const config = readConfig(kafkaSettings, environment)
  const logger = createLogger('contract-test', 'silent')
  await ensureTopics([catalogTopic], config, logger)
  const producer = await connectKafkaProducer(
    config,
    { clientId: 'fill', deliveryTimeoutMs: 60_000, lingerMs: 100, maxUnconfirmedBytes: 64 * 1024 * 1024 },
    logger,
  )
  const records = Object.entries(bodies).flatMap(([kind, body]) =>
    Array.from({ length: limit }, (_, n) => toRecord(kind, `${kind}-${n}`, JSON.stringify(body))),
  )
  await Promise.all(
    records.map((record) =>
      producer.send({
        topic: config.kafkaTopicPrefix + catalogTopic.name,
        key: `${record.tenant}/${record.kind}/${record.name}`,
        value: Buffer.from(CatalogRecord.encode(record).finish()),
      }),
    ),
  )
  await producer.stop(5_000)
}

function toRecord(kind: string, name: string, json: string): CatalogRecord {
  return {
    tenant: 'default',
    kind,
    name,
    version: 1,
    deleted: false,
    json,
    writtenAtUs: Date.now() * 1_000,
    writtenBy: 'root',
  }
}
