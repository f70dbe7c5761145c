import { randomInt } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { credentials, Metadata } from '@grpc/grpc-js'
import { CloudEvent, IngestServiceClient, type PublishStreamResponse } from '@millrace/proto'
import { type Kafka, startKafka } from '@millrace/scripts/local-stack'
import t, { type Test } from 'tap'
import {
  authorization,
  freshConfig,
  type RunningIngest,
  readEvents,
  startIngest,
  until,
  untilReady,
} from './running-ingest.ts'

const wanted = 1_000
const kills = 3
/** What these senders wait after a 503: sooner than they are asked to, so that many requests meet the outage. */
const retryMs = 100

/** A Kafka of this test's own, to be killed. */
let kafka: Kafka
const directory = mkdtempSync(join(tmpdir(), 'millrace-kills-'))
t.before(async () => {
  kafka = await startKafka({ directory })
})
t.teardown(async () => {
  await kafka.stop()
  await rm(directory, { recursive: true, force: true })
})

t.setTimeout(180_000)

/** Whole numbers from 0 below `limit`, the same for the same seed (mulberry32). */
function seededRandom(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

/** What all senders did. */
interface Account {
  readonly acked: Set<string>
  refused: number
  /** Anything but accepted and "send it again". */
  readonly strange: unknown[]
  isOver(): boolean
}

const event = (id: string) => ({ type: 'a', source: '/s', id, data: { id } })

/** Sends one request after the other; each again, with the same ids, until it is accepted. */
async function sendOverHttp(ingest: RunningIngest, account: Account, name: string, size: number) {
  for (let n = 0; !account.isOver(); n += 1) {
    const ids = Array.from({ length: size }, (_, index) => `${name}-${n}-${index}`)
    for (;;) {
      const response = await ingest.post(size === 1 ? event(ids[0] ?? '') : ids.map(event))
      const body = (await response.json()) as { ids?: string[] }
      if (response.status === 202) {
        for (const id of body.ids ?? []) account.acked.add(id)
        break
      }
      account.refused += 1
      if (response.status !== 503 || response.headers.get('retry-after') === null) {
        account.strange.push({ status: response.status, body })
        break
      }
      await delay(retryMs)
    }
  }
}

/** The same over one stream, with several requests under way. */
async function sendOverStream(t: Test, ingest: RunningIngest, account: Account): Promise<void> {
  const client = new IngestServiceClient(`127.0.0.1:${ingest.service.grpcPort}`, credentials.createInsecure())
  t.teardown(() => client.close())
  const metadata = new Metadata()
  metadata.set('authorization', authorization)
  const stream = client.publishStream(metadata)
  const unacked = new Map<string, CloudEvent[]>()
  let sequence = 0
  const write = (key: string): void => {
    stream.write({ sequence: key, events: unacked.get(key) ?? [] })
  }
  const writeNew = (): void => {
    sequence += 1
    const key = String(sequence)
    const events = Array.from({ length: 1 + (sequence % 5) }, (_, index) => ({
      ...CloudEvent.decode(Buffer.alloc(0)),
      ...event(`stream-${key}-${index}`),
      data: Buffer.from('{}'),
    }))
    unacked.set(key, events)
    write(key)
  }
  stream.on('data', ({ sequence: key, outcome }: PublishStreamResponse) => {
    if (outcome?.$case === 'accepted') {
      for (const id of outcome.value.ids) account.acked.add(id)
      unacked.delete(key)
      if (!account.isOver()) writeNew()
      else if (unacked.size === 0) stream.end()
      return
    }
    account.refused += 1
    if (outcome?.value.retryable) write(key)
    else account.strange.push(outcome)
  })
  const ended = new Promise<void>((resolve, reject) => {
    stream.once('end', resolve)
    stream.once('error', reject)
  })
  for (let n = 0; n < 8; n += 1) writeNew()
  await ended
}

t.test(
  '1,000 acked events while the broker is killed and restarted at random: every acked id is in Kafka',
  async (t) => {
    const seed = Number(process.env.SEED ?? randomInt(2 ** 31))
    t.comment(`SEED=${seed}`)
    const random = seededRandom(seed)
    const ingest = await startIngest(
      t,
      freshConfig({ INGEST_REQUEST_TIMEOUT_MS: '3000', INGEST_MAX_QUEUE_MS: '1000' }, kafka.bootstrapServers),
    )
    await untilReady(ingest)
    let killed = 0
    const account: Account = {
      acked: new Set(),
      refused: 0,
      strange: [],
      isOver: () => account.strange.length > 0 || (killed === kills && account.acked.size >= wanted),
    }
    const kill = async (): Promise<void> => {
      while (killed < kills) {
        const { size } = account.acked
        const more = 1 + random(wanted / kills)
        await until(() => account.acked.size >= size + more, 'more is acked between two kills')
        await kafka.kill()
        const { refused } = account
        // At once, in the middle of the requests that were under way, or after some that met nothing.
        const missed = random(20)
        await until(
          () => account.refused >= refused + missed,
          'requests are refused while the broker is away',
        )
        await kafka.restart()
        killed += 1
      }
    }
    await Promise.all([
      kill(),
      ...[1, 2, 3, 4].map((n) => sendOverHttp(ingest, account, `single${n}`, 1)),
      ...[1, 2].map((n) => sendOverHttp(ingest, account, `batch${n}`, 10)),
      sendOverStream(t, ingest, account),
    ])
    t.same(account.strange, [], 'accepted, or asked to send it again')
    t.ok(account.acked.size >= wanted, `${account.acked.size} acked`)
    t.ok(account.refused > 0, `${account.refused} refused`)
    const stored = new Set((await readEvents(ingest.config)).flat().map(({ id }) => id))
    t.same(
      [...account.acked].filter((id) => !stored.has(id)),
      [],
      'no acked id is missing',
    )
  },
)
