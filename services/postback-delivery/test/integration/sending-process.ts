// A sender by itself, so that its memory can be looked at. Its parent tells what to send where, and hears how much
// memory that took: { origin, atOnce, timeoutMs } gives { growthBytes, codes }.
import { createAddressGuard, type Network, parseNetwork } from '../../src/address-guard.ts'
import { createHttpSender } from '../../src/http-sender.ts'
import { createConnectionOpener } from '../../src/open-connection.ts'

export interface SendMany {
  readonly origin: string
  readonly atOnce: number
  readonly timeoutMs: number
}

export interface SentMany {
  /** Of the resident memory, from before to its peak. */
  readonly growthBytes: number
  /** How many of each: a status, or a failure's code. */
  readonly outcomes: Readonly<Record<string, number>>
}

const guard = createAddressGuard(
  { resolve: async () => [] },
  { allowedNetworks: [parseNetwork('127.0.0.0/8') as Network] },
)
const sender = createHttpSender(
  { opener: createConnectionOpener({ guard }, { connectTimeoutMs: 10_000 }) },
  { maxConnections: 4_096, maxResponseBytes: 65_536, captureBytes: 4_096, scrubbedHeaders: new Set() },
)

async function sendMany({ origin, atOnce, timeoutMs }: SendMany): Promise<SentMany> {
  globalThis.gc?.()
  const before = process.memoryUsage.rss()
  let peak = before
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 10)
  const request = { method: 'GET', origin, target: '/', pathname: '/', headers: {}, body: null }
  const results = await Promise.all(Array.from({ length: atOnce }, () => sender.send(request, timeoutMs)))
  clearInterval(sampling)
  const outcomes: Record<string, number> = {}
  for (const { failure, statusCode } of results) {
    const outcome = failure?.code ?? String(statusCode)
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  }
  return { growthBytes: Math.max(peak, process.memoryUsage.rss()) - before, outcomes }
}

process.on('message', (message: SendMany) => {
  void sendMany(message).then((sent) => process.send?.(sent))
})
process.on('disconnect', () => process.exit(0))
