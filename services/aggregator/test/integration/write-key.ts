import { randomBytes } from 'node:crypto'
import { hashKey } from '@millrace/catalog/key-text'
import { CatalogRecord } from '@millrace/proto'
import { catalogTopic } from '@millrace/proto/topics'
import type { MeshFixture } from './mesh-fixture.ts'

/** Writes an issued key into the catalog, as ingest does; returns its text. */
export async function writeKey(mesh: MeshFixture, tenant: string, body: object): Promise<string> {
  const text = `mr_${randomBytes(32).toString('base64url')}`
  const name = `key_${randomBytes(16).toString('base64url')}`
  const record: CatalogRecord = {
    tenant,
    kind: 'key',
    name,
    version: 1,
    deleted: false,
    json: JSON.stringify({ application: 'test', expiresAt: null, hash: hashKey(text), ...body }),
    writtenAtUs: Date.now() * 1_000,
    writtenBy: 'root',
  }
  await mesh.producer.send({
    topic: mesh.topic(catalogTopic.name),
    key: `${tenant}/key/${name}`,
    value: Buffer.from(CatalogRecord.encode(record).finish()),
  })
  return text
}
