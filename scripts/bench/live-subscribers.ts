// Many readers of a live view in one process: live-subscribers.ts URL KEY READERS SECONDS
// Prints one line of JSON: what they got in that time, and how late.
import { Agent, get, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { waitUntil } from '../local-stack/wait-until.ts'

export interface SubscriberFigures {
  readonly events: number
  readonly bytes: number
  /** Events of the reader that got the fewest. */
  readonly fewest: number
  /** Milliseconds from an event's generatedAt until it was read. */
  readonly p50: number
  readonly p99: number
}

/** Times are taken by some: to read them costs more than all else here. */
const oneIn = 50

if (import.meta.main) {
  const [url = '', key = '', readers = '1000', seconds = '20'] = process.argv.slice(2)
  console.log(JSON.stringify(await measure(url, key, Number(readers), Number(seconds))))
  process.exit(0)
}

async function measure(url: string, key: string, count: number, seconds: number): Promise<SubscriberFigures> {
  const agent = new Agent({ maxSockets: count })
  const readers = await Promise.all(
    Array.from({ length: count }, (_, index) => openReader(url, key, agent, index % oneIn === 0)),
  )
  await waitUntil(async () => readers.every(({ events }) => events > 0), {
    timeoutMs: 60_000,
    everyMs: 100,
    what: 'every reader has got something',
  })
  for (const reader of readers) Object.assign(reader, { events: 0, bytes: 0, lateness: [] })
  await delay(seconds * 1_000)
  const lateness = readers.flatMap((reader) => reader.lateness).sort((a, b) => a - b)
  const at = (share: number): number => lateness[Math.floor(lateness.length * share)] ?? Number.NaN
  return {
    events: readers.reduce((sum, { events }) => sum + events, 0),
    bytes: readers.reduce((sum, { bytes }) => sum + bytes, 0),
    fewest: Math.min(...readers.map(({ events }) => events)),
    p50: at(0.5),
    p99: at(0.99),
  }
}

interface Reader {
  events: number
  bytes: number
  lateness: number[]
}

function openReader(url: string, key: string, agent: Agent, timed: boolean): Promise<Reader> {
  const reader: Reader = { events: 0, bytes: 0, lateness: [] }
  return new Promise((resolve, reject) => {
    const request = get(
      url,
      { agent, headers: { authorization: `Bearer ${key}` } },
      (response: IncomingMessage) => {
        if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`))
        response.on('data', (chunk: Buffer) => {
          reader.bytes += chunk.length
          for (let from = chunk.indexOf('\n\n'); from !== -1; from = chunk.indexOf('\n\n', from + 2))
            reader.events += 1
          const made = timed && /"generatedAt":"([^"]+)"/.exec(chunk.toString('latin1'))?.[1]
          if (made) reader.lateness.push(Date.now() - Date.parse(made))
        })
        resolve(reader)
      },
    )
    request.on('error', reject)
  })
}
