// What ingest is measured against: a Fastify route that parses and validates the same body, and does nothing with it.
import { fastify } from 'fastify'
import { envelopeSchema } from './sample-events.ts'

const app = fastify({
  logger: false,
  bodyLimit: 4 * 1024 * 1024,
  ajv: { customOptions: { allowUnionTypes: true } },
})
const jsonTypes = ['application/cloudevents+json', 'application/cloudevents-batch+json']
app.addContentTypeParser(jsonTypes, { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'))
app.post('/v1/events', { schema: { body: envelopeSchema } }, (request, reply) =>
  reply.code(202).send({ accepted: 1, ids: [(request.body as { id: string }).id] }),
)
app.get('/cpu', () => process.cpuUsage())
console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
