import { Client, type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js'
import {
  CloudEvent,
  IngestServiceService,
  PublishStreamRequest,
  type PublishStreamResponse,
} from '@millrace/proto'
import { sampleEvent } from './sample-events.ts'

export interface StreamLoad {
  /** host:port */
  readonly target: string
  readonly key: string
  readonly requests: number
  readonly eventsPerRequest: number
}

/** As many as the HTTP load has on the way. */
const onTheWay = 64

/** Sends so many requests over one stream as fast as they are acknowledged; all have to be accepted. */
export function publishOverStream(load: StreamLoad): Promise<void> {
  const client = new Client(load.target, credentials.createInsecure())
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${load.key}`)
  const { path, responseDeserialize } = IngestServiceService.publishStream
  // Encoded beforehand: the client takes of the same two cores.
  const requests = encodeRequests(load.eventsPerRequest)
  const stream: ClientDuplexStream<Buffer, PublishStreamResponse> = client.makeBidiStreamRequest(
    path,
    (bytes: Buffer) => bytes,
    responseDeserialize,
    metadata,
  )
  return new Promise<void>((resolve, reject) => {
    let sent = 0
    let answered = 0
    const next = (): void => {
      stream.write(requests[sent % requests.length] ?? Buffer.alloc(0))
      sent += 1
      if (sent === load.requests) stream.end()
    }
    stream.on('data', ({ outcome }: PublishStreamResponse) => {
      if (outcome?.$case !== 'accepted') reject(new Error(`refused: ${outcome?.value.detail}`))
      answered += 1
      if (sent < load.requests) next()
      else if (answered === load.requests) resolve()
    })
    stream.once('error', reject)
    for (let index = 0; index < Math.min(onTheWay, load.requests); index += 1) next()
  }).finally(() => client.close())
}

function encodeRequests(eventsPerRequest: number): Buffer[] {
  const count = Math.ceil(1_000 / eventsPerRequest)
  return Array.from({ length: count }, (_, request) => {
    const events = Array.from({ length: eventsPerRequest }, (_, index) =>
      toCloudEvent(request * eventsPerRequest + index),
    )
    return Buffer.from(PublishStreamRequest.encode({ sequence: '1', events }).finish())
  })
}

function toCloudEvent(index: number): CloudEvent {
  const { id, source, type, subject = '', time, data } = sampleEvent(`stream-${index}`, index)
  return {
    ...CloudEvent.decode(Buffer.alloc(0)),
    id,
    source,
    type,
    subject,
    time: { seconds: Date.parse(time) / 1_000, nanos: 0 },
    dataContentType: 'application/json',
    data: Buffer.from(JSON.stringify(data)),
  }
}
