import type { CloudEvent } from '@millrace/proto'
import { type CloudEventJson, createMeshHttp, type MeshAddress } from '../client/mesh-http.ts'
import { openEventStream } from '../client/publish-stream.ts'
import type { Flight } from './flights.ts'

const eventType = 'flight.arrived'
const batchSize = 100
const concurrentBatches = 4

/** Registers what the demo counts: flights and their mean delay, by origin and by run. */
export async function registerFlights(address: MeshAddress): Promise<void> {
  const http = createMeshHttp(address)
  const groupBy = { origin: '/data/origin', run: '/source' }
  await http.put(`/v1/event-types/${eventType}`, {
    description: 'a flight has arrived',
    schema: {
      type: 'object',
      required: ['delay', 'distance', 'origin', 'destination'],
      properties: {
        delay: { type: 'number', description: 'minutes, negative when early' },
        distance: { type: 'number', description: 'miles' },
        origin: { type: 'string', minLength: 3, maxLength: 3 },
        destination: { type: 'string', minLength: 3, maxLength: 3 },
      },
    },
  })
  await http.put('/v1/meters/flights', { eventTypes: [eventType], aggregation: 'count', groupBy })
  await http.put('/v1/meters/flight-delay', {
    eventTypes: [eventType],
    aggregation: 'avg',
    value: '/data/delay',
    groupBy,
  })
}

/**
 * Sends half of the flights in HTTP batches and half over a gRPC stream, every tenth of them twice.
 * @param run CloudEvents source: the flights of one run are its own events
 * @param onSent called with the number of events that the mesh has acked, repeats included
 */
export async function sendFlights(
  address: MeshAddress,
  run: string,
  flights: readonly Flight[],
  onSent: (sent: number) => void,
): Promise<{ sent: number; reconnects: number }> {
  const half = Math.ceil(flights.length / 2)
  let sent = 0
  const count = (events: number): void => {
    sent += events
    onSent(sent)
  }
  const [, reconnects] = await Promise.all([
    sendOverHttp(address, run, withRepeats(flights.slice(0, half)), count),
    sendOverStream(address, run, withRepeats(flights.slice(half)), count),
  ])
  return { sent, reconnects }
}

/** Every tenth flight comes a second time, some batches after the first. */
function withRepeats(flights: readonly Flight[]): Flight[][] {
  const repeats = flights.filter((_, index) => index % 10 === 0)
  return inBatches([...flights, ...repeats])
}

function inBatches<Item>(items: readonly Item[]): Item[][] {
  const batches: Item[][] = []
  for (let start = 0; start < items.length; start += batchSize)
    batches.push(items.slice(start, start + batchSize))
  return batches
}

async function sendOverHttp(
  address: MeshAddress,
  run: string,
  batches: Flight[][],
  count: (events: number) => void,
): Promise<void> {
  const http = createMeshHttp(address)
  const worker = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      await http.publish(batch.map((flight) => toJson(flight, run)))
      count(batch.length)
    }
  }
  await Promise.all(Array.from({ length: concurrentBatches }, worker))
}

async function sendOverStream(
  address: MeshAddress,
  run: string,
  batches: Flight[][],
  count: (events: number) => void,
): Promise<number> {
  const stream = openEventStream(address.ingestGrpc, address.key)
  const worker = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      await stream.publish(batch.map((flight) => toMessage(flight, run)))
      count(batch.length)
    }
  }
  try {
    await Promise.all(Array.from({ length: concurrentBatches }, worker))
    return stream.reconnects()
  } finally {
    stream.close()
  }
}

function toJson({ id, time, ...data }: Flight, source: string): CloudEventJson {
  return { specversion: '1.0', id, source, type: eventType, subject: data.origin, time, data }
}

function toMessage({ id, time, ...data }: Flight, source: string): CloudEvent {
  const milliseconds = Date.parse(time)
  return {
    id,
    source,
    specVersion: '1.0',
    type: eventType,
    subject: data.origin,
    time: { seconds: Math.floor(milliseconds / 1_000), nanos: (milliseconds % 1_000) * 1_000_000 },
    dataContentType: 'application/json',
    dataSchema: '',
    extensions: {},
    data: Buffer.from(JSON.stringify(data)),
  }
}
