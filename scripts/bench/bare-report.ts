// What warm reports are measured against: a Fastify route that returns the same bytes for the same addresses, and looks
// at nothing else. Its argument is a JSON file of bodies by address.
import { readFileSync } from 'node:fs'
import { fastify } from 'fastify'

const file = process.argv[2] ?? ''
const bodies = new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>))
const app = fastify({ logger: false })
app.get('/v1/reports/:meter', (request, reply) =>
  reply.type('application/json; charset=utf-8').send(bodies.get(request.raw.url ?? '')),
)
console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
