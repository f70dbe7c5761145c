// What a request costs postback-delivery's sender, beside undici alone: same bodies, same headers, same connections, in
// turns within one process, so that whatever else the machine does meets all of them.
//   node scripts/bench/sender-cost.ts [requests per turn] [turns]
import { createRequire } from 'node:module'
import { readConfig } from '@millrace/service-kit/config'
import { createSender } from '../../services/postback-delivery/src/create-sender.ts'
import { requestSettings } from '../../services/postback-delivery/src/request-settings.ts'
import { startNode } from './measure.ts'
import { deliveryBody } from './sample-deliveries.ts'

interface BarePool {
  request(options: object): Promise<{ readonly body: { dump(): Promise<void> } }>
  dispatch(options: object, handler: object): void
  close(): Promise<void>
}

const connections = 16
const [perTurn = 8_000, turns = 12] = process.argv.slice(2).map(Number)

// The very undici that postback-delivery uses.
const require = createRequire(new URL('../../services/postback-delivery/package.json', import.meta.url))
const { Pool } = require('undici') as { Pool: new (origin: string, options: object) => BarePool }

const receiver = await startNode(new URL('count-receiver.ts', import.meta.url), [])
const origin = `http://127.0.0.1:${await receiver.firstLine}`
const bodies = Array.from({ length: 1_000 }, (_, index) => Buffer.from(deliveryBody(index)))
const bodyOf = (index: number): Buffer => bodies[index % bodies.length] as Buffer
const headersOf = (index: number) => ({
  'content-type': 'application/json',
  'user-agent': 'millrace',
  'accept-encoding': 'identity',
  'webhook-id': `dl_${index}`,
  'webhook-timestamp': '1700000000',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
})

const pool = new Pool(origin, { connections, pipelining: 1 })
const config = readConfig(requestSettings, { POSTBACK_ALLOWED_NETWORKS: '127.0.0.1' })
const sender = createSender({ ...config, timeoutMs: 10_000 })

const contenders: Readonly<Record<string, (index: number) => Promise<unknown>>> = {
  'undici, Pool.dispatch': (index) =>
    new Promise<void>((resolve, reject) => {
      pool.dispatch(
        { path: '/', method: 'POST', headers: headersOf(index), body: bodyOf(index) },
        {
          onRequestStart: () => undefined,
          onResponseStart: () => undefined,
          onResponseData: () => undefined,
          onResponseEnd: () => resolve(),
          onResponseError: (_: unknown, error: Error) => reject(error),
        },
      )
    }),
  async 'undici, Pool.request'(index) {
    const options = { path: '/', method: 'POST', headers: headersOf(index), body: bodyOf(index) }
    const { body } = await pool.request(options)
    await body.dump()
  },
  async sender(index) {
    const result = await sender.send(
      { origin, target: '/', pathname: '/', method: 'POST', headers: headersOf(index), body: bodyOf(index) },
      10_000,
    )
    if (result.statusCode !== 200) throw new Error(JSON.stringify(result.failure))
  },
}

async function takeTurn(send: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0
  const before = process.cpuUsage()
  const worker = async (): Promise<void> => {
    while (next < perTurn) {
      next += 1
      await send(next)
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

const spent = new Map<string, number>()
// The first two turns of each are for the compiler.
for (let turn = -2; turn < turns; turn += 1) {
  for (const [name, send] of Object.entries(contenders)) {
    const ms = await takeTurn(send)
    if (turn >= 0) spent.set(name, (spent.get(name) ?? 0) + ms)
  }
}
const bare = spent.get('undici, Pool.dispatch') ?? 0
console.log(`CPU of the sending process per 1,000 requests, ${connections} connections`)
for (const [name, ms] of spent) {
  const per1000 = ((ms / perTurn / turns) * 1_000).toFixed(1)
  console.log(`  ${name.padEnd(24)} ${per1000} ms   ${(ms / bare).toFixed(2)} × undici's dispatch`)
}
await Promise.all([pool.close(), sender.stop()])
await receiver.stop()
