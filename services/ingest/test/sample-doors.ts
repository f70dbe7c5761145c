import { createAuthenticator } from '@millrace/catalog/authenticate-key'
import type { CatalogWrite } from '@millrace/catalog/decide-write'
import { createKeyUsageBook } from '@millrace/catalog/key-usage'
import { createSecretBox } from '@millrace/catalog/seal-secret'
import type { Event } from '@millrace/proto'
import { undocumentedAnswer } from '@millrace/scripts/documented-answers'
import { createLogger } from '@millrace/service-kit/log'
import { Registry } from '@millrace/service-kit/metrics'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { Command } from '../src/accept-command.ts'
import { createHttpDoor, type IngestHttpConfig, type IngestHttpDeps } from '../src/http.ts'
import { createIngestMetrics } from '../src/metrics.ts'
import type { Postback } from '../src/read-postback.ts'
import { createRequestBudget } from '../src/request-budget.ts'

const rootKey = 'root-key-of-the-tests'
/** Microseconds since 1970. */
const sampleNow = 1_700_000_000_000_001
export const authorization = `Bearer ${rootKey}`

export interface SampleHttp {
  readonly app: FastifyInstance
  readonly accepted: Event[]
  readonly postbacks: Postback[]
  readonly commands: Command[]
  readonly writes: CatalogWrite[]
  readonly metrics: Registry
}

/** The HTTP door in front of cores that accept everything and keep what they got. */
export async function startSampleHttp(
  t: Test,
  overrides: Partial<IngestHttpDeps> = {},
  limits: Partial<IngestHttpConfig> = {},
): Promise<SampleHttp> {
  const accepted: Event[] = []
  const postbacks: Postback[] = []
  const commands: Command[] = []
  const writes: CatalogWrite[] = []
  const metrics = new Registry()
  const app = await createHttpDoor(
    {
      authenticator: createAuthenticator(rootKey),
      limits: createKeyUsageBook('sample'),
      requestBudget: createRequestBudget(1_000_000),
      newKey: () => ({ id: 'key_new', text: 'mr_new' }),
      tenantOfKey: () => undefined,
      acceptPlainEvents: {
        read: () => undefined,
        readMessage: () => undefined,
        append: (_events, outcome) => outcome.confirmed([]),
      },
      acceptEvents: async (events) => {
        accepted.push(...events)
        return { ids: events.map(({ id }) => id), positions: [] }
      },
      storedWatch: { until: async () => true },
      acceptPostback: async (postback) => {
        postbacks.push(postback)
        return { id: 'pb_1', deliveries: postback.data.map((_, index) => ({ id: `dl_${index}` })) }
      },
      acceptCommand: async (command) => {
        commands.push(command)
      },
      endpoints: {
        box: createSecretBox([Buffer.alloc(32, 1)]),
        now: () => sampleNow,
        test: async () => ({ id: 'dl_test', deliveries: [{ id: 'dl_test' }] }),
      },
      writeCatalog: async (write) => {
        writes.push(write)
        return {
          version: 3,
          body: write.change?.(undefined) ?? write.body ?? {},
          updatedAt: '2024-01-01T00:00:00Z',
          updatedBy: 'root',
          created: writes.length === 1,
        }
      },
      metrics: createIngestMetrics(metrics, {
        requestBytes: () => 0,
        unconfirmedBytes: () => 0,
        queueMs: () => 0,
      }),
      logger: createLogger('ingest', 'silent'),
      now: () => sampleNow,
      newId: () => 'new-id',
      ...overrides,
    },
    {
      maxBodyBytes: 10_000,
      maxEvents: 100,
      requestTimeoutMs: 1_000,
      headersTimeoutMs: 10_000,
      receiveTimeoutMs: 10_000,
      maxConnections: 1_000,
      ...limits,
    },
  )
  app.addHook('onResponse', (request, reply, done) => {
    const path = request.routeOptions.url?.replaceAll(/:(\w+)/g, '{$1}') ?? ''
    const answer = { method: request.method, path, status: reply.statusCode }
    const undocumented = undocumentedAnswer(app.swagger() as never, answer)
    if (undocumented !== undefined) t.fail(undocumented)
    done()
  })
  t.teardown(() => app.close())
  return { app, accepted, postbacks, commands, writes, metrics }
}
