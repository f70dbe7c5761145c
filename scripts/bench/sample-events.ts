import type { CloudEventJson } from '../client/mesh-http.ts'

/** A page visit of about 300 bytes as CloudEvents JSON. */
export function sampleEvent(id: string, index: number): CloudEventJson & Record<string, unknown> {
  return {
    specversion: '1.0',
    id,
    source: '/bench/site',
    type: 'visit.recorded',
    subject: `customer-${index % 1_000}`,
    time: new Date(Date.UTC(2026, 0, 1) + index * 1_000).toISOString(),
    datacontenttype: 'application/json',
    data: {
      path: `/products/${index % 50}`,
      referrer: 'https://search.example/',
      durationMs: index % 5_000,
      agent: 'Mozilla/5.0',
    },
  }
}

/** The envelope's rules as JSON Schema, for the bare route that ingest is measured against. */
export const envelopeSchema = {
  type: 'object',
  required: ['specversion', 'id', 'source', 'type'],
  properties: {
    specversion: { const: '1.0' },
    id: { type: 'string', minLength: 1 },
    source: { type: 'string', minLength: 1 },
    type: { type: 'string', minLength: 1 },
    subject: { type: 'string', minLength: 1 },
    time: { type: 'string', format: 'date-time' },
    datacontenttype: { type: 'string' },
    dataschema: { type: 'string' },
    data: {},
  },
  additionalProperties: { type: ['string', 'integer', 'boolean'] },
} as const
