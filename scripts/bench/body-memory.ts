// How much memory ingest takes to read large and hostile bodies: node scripts/bench/body-memory.ts
// The service runs without a Kafka: it reads and checks every body, then answers 503. Linux only: /proc tells the peak.
import { readFileSync } from 'node:fs'
import { devNull } from 'node:os'
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { findFreePorts } from '../local-stack/free-ports.ts'
import { waitUntil } from '../local-stack/wait-until.ts'
import { startNode } from './measure.ts'

const rootKey = 'root-key-of-the-measurement'
const mebibyte = 1024 * 1024

interface Case {
  readonly name: string
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
  readonly atOnce: number
}

const events = Array.from({ length: 9_900 }, (_, n) =>
  JSON.stringify({ type: 'a', id: `${n}`, source: '/s', data: { text: 'x'.repeat(340) } }),
)
const blanks = Buffer.alloc(256 * mebibyte, ' ')
const lines = { 'content-type': 'application/x-ndjson' }
const quickly = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }

const cases: readonly Case[] = [
  {
    name: 'an array of 9,900 events',
    body: Buffer.from(`[${events.join()}]`),
    headers: { 'content-type': 'application/json' },
    atOnce: 16,
  },
  { name: 'the same as lines', body: Buffer.from(events.join('\n')), headers: lines, atOnce: 16 },
  ...Object.entries({
    gzip: gzipSync(blanks),
    br: brotliCompressSync(blanks, quickly),
    zstd: zstdCompressSync(blanks),
  }).map(([coding, body]) => ({
    name: `256 MiB of blanks in ${coding}`,
    body,
    headers: { ...lines, 'content-encoding': coding },
    atOnce: 64,
  })),
]

for (const one of cases) {
  const { statuses, beforeMib, peakMib } = await measure(one)
  const sent = (one.body.length / mebibyte).toFixed(2)
  console.log(
    `${one.name} (${sent} MiB), ${one.atOnce} at once: answered ${statuses}; ${beforeMib} MiB before, at most ${peakMib} MiB`,
  )
}

async function measure({ body, headers, atOnce }: Case) {
  const [httpPort, grpcPort, operationsPort] = await findFreePorts(3)
  const variables = {
    ...{ LOG_LEVEL: 'silent', KAFKA_BROKERS: '127.0.0.1:1', MILLRACE_ROOT_KEY: rootKey },
    ...{ HTTP_PORT: `${httpPort}`, GRPC_PORT: `${grpcPort}`, OPERATIONS_PORT: `${operationsPort}` },
  }
  const main = new URL('../../services/ingest/src/main.ts', import.meta.url)
  const service = await startNode(main, [], variables, devNull)
  try {
    const url = `http://127.0.0.1:${httpPort}`
    await waitUntil(
      () =>
        fetch(`${url}/ping`).then(
          ({ ok }) => ok,
          () => false,
        ),
      { timeoutMs: 60_000, what: 'ingest listens' },
    )
    const post = async (payload: Buffer, sent: Readonly<Record<string, string>>): Promise<number> => {
      const authorization = `Bearer ${rootKey}`
      const request = { method: 'POST', headers: { authorization, ...sent }, body: new Uint8Array(payload) }
      const response = await fetch(`${url}/v1/events`, request)
      await response.arrayBuffer()
      return response.status
    }
    for (let n = 0; n < 50; n += 1) await post(Buffer.from(`${events[0]}\n`), lines)
    const beforeMib = memoryOf(service.pid, 'VmRSS')
    const statuses = await Promise.all(Array.from({ length: atOnce }, () => post(body, headers)))
    return { statuses: [...new Set(statuses)].join(', '), beforeMib, peakMib: memoryOf(service.pid, 'VmHWM') }
  } finally {
    await service.stop('SIGKILL')
  }
}

function memoryOf(pid: number, what: 'VmRSS' | 'VmHWM'): number {
  const kibibytes = new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  )?.[1]
  return Math.round(Number(kibibytes) / 1024)
}
