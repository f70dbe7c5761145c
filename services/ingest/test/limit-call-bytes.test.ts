import { type ClientHttp2Stream, connect } from 'node:http2'
import { IngestServiceService, PublishRequest } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import { startGrpcDoor } from '@millrace/service-kit/grpc-server'
import { createReadiness } from '@millrace/service-kit/readiness'
import t, { type Test } from 'tap'
import { type CheckKey, limitCallBytes } from '../src/limit-call-bytes.ts'
import { createRequestBudget } from '../src/request-budget.ts'

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** A door that accepts everything, and calls that are sent byte by byte. */
async function startDoor(t: Test, maxBytes: number, checkKey: CheckKey = () => undefined) {
  const budget = createRequestBudget(maxBytes)
  const publish = (_call: unknown, callback: (error: null, response: unknown) => void): void =>
    callback(null, { accepted: 0, ids: [], stored: false })
  const publishStream = (): void => undefined
  const service = {
    name: 'millrace.v1.IngestService',
    protoFile: 'millrace/v1/ingest.proto',
    definition: IngestServiceService,
    implementation: { publish, publishStream },
  }
  const door = await startGrpcDoor(
    { readiness: createReadiness([]), interceptors: [limitCallBytes(budget, checkKey)] },
    { grpcHost: '127.0.0.1', grpcPort: 0 },
    [service],
  )
  const session = connect(`http://127.0.0.1:${door.port}`)
  t.teardown(async () => {
    session.destroy()
    await door.stop(0)
  })
  const call = (): ClientHttp2Stream => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/millrace.v1.IngestService/Publish',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.on('error', () => undefined)
    return stream
  }
  return { budget, call }
}

const message = (data: Buffer): Buffer => {
  const event = { ...PublishRequest.decode(Buffer.alloc(0)) }
  const bytes = Buffer.concat([
    PublishRequest.encode(event).finish(),
    Buffer.from([0xfa, 0x01]),
    varint(data.length),
    data,
  ])
  const head = Buffer.alloc(5)
  head.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([head, bytes])
}

/** Three bytes, so that all lengths take as many. */
const varint = (value: number): Buffer =>
  Buffer.from([(value & 0x7f) | 0x80, ((value >> 7) & 0x7f) | 0x80, (value >> 14) & 0x7f])

/** The status that the call ended with. */
const statusOf = (stream: ClientHttp2Stream): Promise<string> =>
  new Promise((resolve) => {
    const found = (headers: object): void => {
      const status = (headers as Record<string, string>)['grpc-status']
      if (status !== undefined) resolve(status)
    }
    stream.on('response', found)
    stream.on('trailers', found)
    stream.resume()
  })

t.test(
  'messages that have not come as a whole count as they come, and what is too much is refused',
  async (t) => {
    const { budget, call } = await startDoor(t, 90_000)
    const whole = message(Buffer.alloc(60_000))
    const [first, second] = [call(), call()]
    const statuses = [first, second].map(statusOf)
    first.write(whole.subarray(0, 50_000))
    await until(() => budget.heldBytes() >= 50_000)
    second.write(whole.subarray(0, 50_000))
    t.equal(await statuses[1], '14', 'UNAVAILABLE')
    first.end(whole.subarray(50_000))
    t.equal(await statuses[0], '0')
    await until(() => budget.heldBytes() === 0)
  },
)

t.test('a call that is cut off gives back what it held', async (t) => {
  const { budget, call } = await startDoor(t, 90_000)
  const stream = call()
  stream.write(message(Buffer.alloc(60_000)).subarray(0, 40_000))
  await until(() => budget.heldBytes() >= 40_000)
  stream.destroy()
  await until(() => budget.heldBytes() === 0)
})

t.test('a call without a key gets no room for its message', async (t) => {
  const { budget, call } = await startDoor(t, 90_000, (path) => {
    t.equal(path, '/millrace.v1.IngestService/Publish')
    throw new ServiceError('unauthenticated', 'Send a key.')
  })
  const stream = call()
  const refused = statusOf(stream)
  const ended = new Promise((resolve) => stream.once('close', resolve))
  t.equal(await refused, '16', 'UNAUTHENTICATED')
  stream.write(message(Buffer.alloc(60_000)).subarray(0, 40_000))
  t.equal(budget.heldBytes(), 0)
  stream.end(message(Buffer.alloc(60_000)).subarray(40_000))
  await ended
})

t.test('a message in tiny pieces counts for what its pieces cost', async (t) => {
  const { budget, call } = await startDoor(t, 90_000)
  const [other, stream] = [call(), call()]
  const whole = message(Buffer.alloc(60_000))
  other.write(whole.subarray(0, 50_000))
  await until(() => budget.heldBytes() >= 50_000)
  let status: string | undefined
  void statusOf(stream).then((told) => {
    status = told
  })
  let sent = 0
  while (status === undefined && sent < 1_000) {
    await new Promise((resolve) => stream.write(whole.subarray(sent, sent + 1), resolve))
    sent += 1
  }
  t.equal(status, '14', `UNAVAILABLE after ${sent} bytes`)
  other.destroy()
  await until(() => budget.heldBytes() === 0)
})
