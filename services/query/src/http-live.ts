import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { formatLiveEvent } from './format-live.ts'
import type { Authorize, HttpDeps } from './http.ts'
import { type SseWriter, startSse } from './sse-writer.ts'
import { nowUs } from './time.ts'

const MeterName = Type.Object({ meter: Type.String() })
const spanSeconds = 300

export function addLiveRoutes(app: FastifyInstance, deps: HttpDeps, authorize: Authorize): void {
  const open = new Set<SseWriter>()
  // Streams never end by themselves: they would keep the door from closing.
  app.addHook('preClose', (done) => {
    for (const writer of open) writer.end()
    done()
  })
  app.get(
    '/v1/reports/:meter/live',
    {
      // A HEAD request would open a stream that nobody reads.
      exposeHeadRoute: false,
      onRequest: async (request) => void authorize(request, 'reports:read'),
      schema: {
        tags: ['reports'],
        summary: 'The last minutes by second, as server-sent events',
        description:
          'Events of type "live" several times a second. The first one, and each with "reset": true, is complete; the others hold the seconds that changed. A reader that is too slow is left behind and then gets a complete one; so does one that comes back with last-event-id.',
        params: MeterName,
        querystring: Type.Object({}, { additionalProperties: false }),
        response: {
          200: {
            description: 'text/event-stream',
            content: { 'text/event-stream': { schema: Type.String() } },
          },
        },
      },
    },
    (request, reply) => {
      const { tenant } = authorize(request, 'reports:read')
      const { meter } = request.params as Static<typeof MeterName>
      let writer: SseWriter | undefined
      const unsubscribe = deps.live.subscribe(tenant, meter, spanSeconds, {
        isReady: () => writer?.isReady() ?? false,
        send: (push) => writer?.send(formatLiveEvent(push, nowUs)),
        end: () => writer?.end(),
      })
      reply.hijack()
      const stream = startSse(reply.raw, { 'x-request-id': request.id }, () => {
        open.delete(stream)
        unsubscribe()
        deps.countRequest('GET /v1/reports/:meter/live', 200)
      })
      writer = stream
      open.add(stream)
    },
  )
}
