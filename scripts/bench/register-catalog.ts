import { createMeshHttp } from '../client/mesh-http.ts'
import type { BenchMesh } from './bench-mesh.ts'

/** A schema and three meters for the sample events. */
export async function registerBenchCatalog(mesh: BenchMesh): Promise<void> {
  const ingest = await mesh.start('ingest')
  const http = createMeshHttp({ ingestUrl: ingest.httpUrl, ingestGrpc: '', queryUrl: '', key: mesh.key })
  const eventTypes = ['visit.recorded']
  await http.put('/v1/event-types/visit.recorded', {
    schema: {
      type: 'object',
      required: ['path', 'durationMs'],
      properties: { path: { type: 'string' }, durationMs: { type: 'integer', minimum: 0 } },
    },
  })
  await http.put('/v1/meters/visits', { eventTypes, aggregation: 'count', groupBy: { page: '/data/path' } })
  await http.put('/v1/meters/visit-time', {
    eventTypes,
    aggregation: 'sum',
    value: '/data/durationMs',
    groupBy: { page: '/data/path' },
  })
  await http.put('/v1/meters/longest-visit', { eventTypes, aggregation: 'max', value: '/data/durationMs' })
  await ingest.stop()
}
