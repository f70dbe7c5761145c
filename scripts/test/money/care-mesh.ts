import { aggregations } from '@millrace/catalog/resources'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { Test } from 'tap'
import { fetchUntilGood, startServiceProcess } from '../../api/service-process.ts'
import type { ServiceName } from '../../local-stack/port-plan.ts'
import { type Environment, freshEnvironment, rootKey, until } from '../contract/running-mesh.ts'
import { type CareEvent, type Change, rates, type Step } from './care.ts'

/** Running services that know care, and what a producer and a reader say to them. */
export interface CareMesh {
  /** A meter of each aggregation: "first-sum". */
  putMeters(prefix: string): Promise<void>
  perform(step: Step): Promise<void>
  report(meter: string, parameters: Readonly<Record<string, string>>): Promise<CareReport>
  /** Resolves once a report of each of the meters holds all that was sent. */
  untilComplete(prefix: string): Promise<void>
}

interface CareReport {
  readonly rows: readonly unknown[]
  readonly dataThrough: string
}

export async function startCareMesh(t: Test): Promise<CareMesh> {
  const environment = freshEnvironment()
  const aggregator = await start(t, 'aggregator', environment)
  const [ingest, query] = await Promise.all([
    start(t, 'ingest', environment),
    start(t, 'query', { ...environment, AGGREGATOR_ADDRESSES: aggregator.grpcAddress }),
  ])
  const send = createSender(ingest.address)
  for (const [type, list] of Object.entries(rates)) {
    await send('PUT', `/v1/event-types/${type}`, JSON.stringify({ rates: list }))
  }
  const report: CareMesh['report'] = async (meter, parameters) => {
    const search = new URLSearchParams({ numbers: 'string', limit: '10000', ...parameters })
    const answer = await fetch(`${query.address}/v1/reports/${meter}?${search}`, {
      headers: { authorization: `Bearer ${rootKey}` },
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${meter} answered ${answer.status}: ${text}`)
    return JSON.parse(text) as CareReport
  }
  return {
    report,
    async putMeters(prefix) {
      for (const aggregation of aggregations) {
        const body = JSON.stringify(meterBody(aggregation))
        await send('PUT', `/v1/meters/${prefix}-${aggregation}`, body)
      }
    },
    async perform({ events, changes }) {
      const batch = `[${events.map(toCloudEvent).join()}]`
      await send('POST', '/v1/events', batch, 'application/cloudevents-batch+json')
      await Promise.all(changes.map((change) => sendChange(send, change)))
    },
    async untilComplete(prefix) {
      const sentThrough = new Date().toISOString()
      for (const aggregation of aggregations) {
        const meter = `${prefix}-${aggregation}`
        const isComplete = async (): Promise<boolean> => (await report(meter, {})).dataThrough > sentThrough
        await until(isComplete, () => `${meter} is complete`, 240_000)
      }
    },
  }
}

/** Ready, however long a busy machine takes: the test's own time-out is the limit. */
async function start(t: Test, name: ServiceName, environment: Environment) {
  const service = await startServiceProcess(name, environment)
  t.teardown(() => service.stop())
  await fetchUntilGood(`${service.operations}/healthz/ready`, service, 300_000)
  return service
}

type Send = (method: string, path: string, body?: string, type?: string) => Promise<void>

/** Every command may be sent again: a machine that is busy answers some with 503. */
function createSender(address: string): Send {
  return async (method, path, body, type = 'application/json') => {
    const accepted = async (): Promise<boolean> => {
      const answer = await fetch(address + path, {
        method,
        headers: { authorization: `Bearer ${rootKey}`, ...(body !== undefined && { 'content-type': type }) },
        ...(body !== undefined && { body }),
      })
      const text = await answer.text()
      if (answer.ok || answer.status === 503) return answer.ok
      throw new Error(`${method} ${path} answered ${answer.status}: ${text}`)
    }
    await until(accepted, () => `${method} ${path} is accepted`, 60_000)
  }
}

async function sendChange(send: Send, change: Change): Promise<void> {
  const path = `/v1/events/${change.id}`
  if (change.kind === 'retract') {
    await send('DELETE', `${path}?source=/care${change.erase ? '&erase=true' : ''}`)
  } else await send('POST', `${path}/settlement?source=/care`, '{"reference":"run 7"}')
}

function meterBody(aggregation: (typeof aggregations)[number]): object {
  const value = aggregation === 'unique' ? '/data/patient' : '/data/minutes'
  return {
    eventTypes: Object.keys(rates),
    aggregation,
    groupBy: { ward: '/data/ward', caregiver: '/subject' },
    ...(aggregation !== 'count' && aggregation !== 'amount' && { value }),
  }
}

function toCloudEvent({ id, type, occurredAtUs, caregiver, ward, minutes, patient }: CareEvent): string {
  const time = formatTimestamp(occurredAtUs)
  const head = JSON.stringify({ specversion: '1.0', id, source: '/care', type, subject: caregiver, time })
  // Numbers stand in the text with all their digits.
  const data = `{"ward":${JSON.stringify(ward)},"minutes":${minutes},"patient":${JSON.stringify(patient)}}`
  return `${head.slice(0, -1)},"data":${data}}`
}
