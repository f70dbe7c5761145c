import type { FastifyInstance } from 'fastify'
import { watchReport } from './describe-reports.ts'
import { formatLiveEvent } from './format-live.ts'
import type { Authorize, HttpDeps } from './http.ts'
import type { LivePush } from './live-hub.ts'
import { type SseWriter, startSse } from './sse-writer.ts'
import { nowUs } from './time.ts'
import { whileAllowed } from './while-allowed.ts'

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
      schema: watchReport,
    },
    (request, reply) => {
      const allow = () => authorize(request, 'reports:read')
      const { meter } = request.params as { meter: string }
      let writer: SseWriter | undefined
      const end = (): void => writer?.end()
      const subscriber = {
        isReady: () => writer?.isReady() ?? false,
        send: (push: LivePush) => writer?.send(formatLiveEvent(push, nowUs)),
        end,
      }
      const unsubscribe = deps.live.subscribe(
        allow(),
        meter,
        spanSeconds,
        whileAllowed(allow, subscriber, end),
        request.headers['last-event-id'] as string | undefined,
      )
      reply.hijack()
      // What hooks have set so far: the request's id, the key's limit.
      const headers = reply.getHeaders() as Record<string, string>
      const stream = startSse(reply.raw, headers, () => {
        open.delete(stream)
        unsubscribe()
        deps.countRequest('GET /v1/reports/:meter/live', 200)
      })
      writer = stream
      open.add(stream)
    },
  )
}
