// Posts bodies with bare undici, as fast as they are answered, and prints the CPU seconds that 1,000 took.
//   node bare-undici.ts <url> <requests> <connections>
import { createRequire } from 'node:module'

import { deliveryBody } from './sample-deliveries.ts'

interface BarePool {
  request(options: {
    readonly path: string
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string | undefined
  }): Promise<{ readonly body: { dump(): Promise<void> } }>
  close(): Promise<void>
}

// The very undici that postback-delivery uses.
const require = createRequire(new URL('../../services/postback-delivery/package.json', import.meta.url))
const { Pool } = require('undici') as { Pool: new (origin: string, options: object) => BarePool }

const [url = '', requests = '0', connections = '1'] = process.argv.slice(2)
const { origin, pathname } = new URL(url)
const pool = new Pool(origin, { connections: Number(connections), pipelining: 1 })
const bodies = Array.from({ length: 1_000 }, (_, index) => deliveryBody(index))
const headers = { 'content-type': 'application/json' }

async function post(count: number): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) {
      next += 1
      const { body } = await pool.request({
        path: pathname,
        method: 'POST',
        headers,
        body: bodies[next % 1_000],
      })
      await body.dump()
    }
  }
  await Promise.all(Array.from({ length: Number(connections) }, worker))
}

await post(Number(requests) / 5)
const before = process.cpuUsage()
await post(Number(requests))
const { user, system } = process.cpuUsage(before)
console.log((user + system) / 1_000 / Number(requests))
await pool.close()
