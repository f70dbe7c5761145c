import type { Principal } from '@millrace/catalog/authenticate-key'
import { eventsGoneAfterMs } from '@millrace/proto/topics'
import { within } from '@millrace/service-kit/deadline'
import type { Fault } from '@millrace/service-kit/errors'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import { continueTrace, formatTraceparent } from '@millrace/service-kit/trace-context'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Command } from './accept-command.ts'
import { checkText, checkUriReference } from './check-attribute.ts'
import { readQuery, refuseQuery } from './check-query.ts'
import { deleteEvent, postSettlement } from './describe-event-commands.ts'
import type { IngestHttpConfig, IngestHttpDeps } from './http.ts'
import { readSettlement } from './read-settlement.ts'
import { traceparentOf } from './reception.ts'
import { principalOf, requireScope } from './require-scope.ts'
import { unconfirmed } from './unconfirmed.ts'

const maxBodyBytes = 64 * 1024

/** Commands about one event that was sent before. What they come to is decided where the event is. */
export function addCommandRoutes(app: FastifyInstance, deps: IngestHttpDeps, config: IngestHttpConfig): void {
  const accept = (command: Command): Promise<void> =>
    within(deps.acceptCommand(command), config.requestTimeoutMs, unconfirmed)
  app.post(
    '/v1/events/:id/settlement',
    {
      onRequest: requireScope(deps.authenticator, 'events:settle'),
      bodyLimit: maxBodyBytes,
      schema: postSettlement,
    },
    async (request, reply) => {
      const target = readTarget(request, readQuery(request, ['source']).source)
      const origin = originOf(deps, request)
      const { reference, settledAtUs } = readSettlement(request.body, origin.receivedAtUs)
      await accept({ $case: 'settlement', value: { ...origin, ...target, reference, settledAtUs } })
      return reply.code(202).send({ ...target, reference, settledAt: formatTimestamp(settledAtUs) })
    },
  )
  app.delete(
    '/v1/events/:id',
    {
      onRequest: requireScope(deps.authenticator, 'events:retract'),
      bodyLimit: maxBodyBytes,
      schema: deleteEvent,
    },
    async (request, reply) => {
      const { source, erase: wanted } = readQuery(request, ['source', 'erase'])
      const target = readTarget(request, source)
      const erase = readFlag('erase', wanted)
      const origin = originOf(deps, request)
      await accept({ $case: 'retraction', value: { ...origin, ...target, erase } })
      const goneUs = origin.receivedAtUs + eventsGoneAfterMs * 1_000
      return reply.code(202).send({
        ...target,
        retractedAt: formatTimestamp(origin.receivedAtUs),
        erase,
        ...(erase && { erasedFromKafkaBy: formatTimestamp(goneUs) }),
      })
    },
  )
}

/** An event is named by its tenant, its source and its id. */
function readTarget(request: FastifyRequest, source: string | undefined): { id: string; source: string } {
  const { id } = request.params as { id: string }
  const faults: Fault[] = []
  const idFault = checkText(id)
  if (idFault !== undefined) faults.push({ pointer: '/id', detail: idFault })
  if (source === undefined) {
    faults.push({ pointer: '/source', detail: 'is required: ids are unique within their source only' })
  } else {
    const fault = checkUriReference(source)
    if (fault !== undefined) faults.push({ pointer: '/source', detail: fault })
  }
  refuseQuery(faults)
  return { id, source: source ?? '' }
}

function readFlag(name: string, text: string | undefined): boolean {
  if (text !== undefined && text !== 'true' && text !== 'false') {
    refuseQuery([{ pointer: `/${name}`, detail: 'has to be true or false' }])
  }
  return text === 'true'
}

/** Who sends it, when, and about which events the key may say anything. */
function originOf(deps: IngestHttpDeps, request: FastifyRequest) {
  const { tenant, application, constraints }: Principal = principalOf(request)
  const trace = continueTrace(traceparentOf(request.headers))
  return {
    tenant,
    application,
    receivedAtUs: deps.now(),
    traceparent: formatTraceparent(trace),
    allowedEventTypes: [...(constraints?.eventTypes ?? [])],
    allowedSubjects: [...(constraints?.subjects ?? [])],
  }
}
