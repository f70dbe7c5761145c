import { setTimeout as delay } from 'node:timers/promises'
import { CatalogRecord } from '@millrace/proto'
import { catalogTopic } from '@millrace/proto/topics'
import { within } from '@millrace/service-kit/deadline'
import { ServiceError } from '@millrace/service-kit/errors'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import {
  connectTransactionalProducer,
  type TransactionalProducer,
} from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import type { CatalogReader } from './catalog-reader.ts'
import { catalogKey } from './catalog-store.ts'
import { type CatalogWrite, type Decision, decideWrite, type WrittenResource } from './decide-write.ts'

export interface CatalogWriter {
  /**
   * Resolves once the write is committed and this process' reader has applied it.
   * @throws {ServiceError} what the decision throws, or `unavailable` when Kafka did not answer in time:
   * the write may then have happened or not
   */
  write(write: CatalogWrite): Promise<WrittenResource>
  stop(): Promise<void>
}

export interface CatalogWriterOptions {
  readonly clientId: string
  /** How long a write may take, waiting for its turn included. */
  readonly timeoutMs: number
  /** Microseconds since 1970. */
  readonly now: () => number
}

/** All writers of a mesh share it: who comes later fences who came before. */
const transactionalId = 'millrace-catalog-writer'
const maxTries = 8

/**
 * Writes must not race, neither in this process nor between instances: they take turns here, and a transaction by a
 * producer that another instance has fenced fails. What a writer has read to the end of, after it fenced the others,
 * cannot change before its commit.
 */
export function createCatalogWriter(
  deps: { reader: CatalogReader; config: KafkaConfig; logger: Logger },
  options: CatalogWriterOptions,
): CatalogWriter {
  const session = createSession(deps.config, options, deps.logger)
  let turn: Promise<unknown> = Promise.resolve()
  return {
    write(write) {
      const until = Date.now() + options.timeoutMs
      const result = turn.then(() => writeInTurn(deps, options, session, write, until))
      turn = result.catch(() => undefined)
      return within(result, options.timeoutMs, () => unconfirmed())
    },
    stop: async () => {
      await turn
      await session.end()
    },
  }
}

/** The producer while it is good. */
interface Session {
  producer(): Promise<TransactionalProducer>
  /** After a failure nothing else can be done with a transactional producer. */
  end(): Promise<void>
}

function createSession(config: KafkaConfig, options: CatalogWriterOptions, logger: Logger): Session {
  let producer: TransactionalProducer | undefined
  return {
    async producer() {
      producer ??= await connectTransactionalProducer(
        config,
        { clientId: options.clientId, transactionalId, timeoutMs: Math.min(5_000, options.timeoutMs) },
        logger,
      )
      return producer
    },
    async end() {
      const ended = producer
      producer = undefined
      await ended?.stop()
    },
  }
}

/**
 * A crash before the commit writes nothing: the next writer's connect aborts the transaction. A crash after it leaves
 * the write without an answer, as a cut connection does; If-Match tells the caller on the next try.
 */
async function writeInTurn(
  deps: { reader: CatalogReader; config: KafkaConfig; logger: Logger },
  options: CatalogWriterOptions,
  session: Session,
  write: CatalogWrite,
  until: number,
): Promise<WrittenResource> {
  let attempted: Decision | undefined
  let cause: unknown
  for (let tries = 1; tries <= maxTries && Date.now() < until; tries += 1) {
    try {
      const producer = await session.producer()
      await beforeDeadline(deps.reader.readToEnd(), until)
      // A commit without an answer may have happened: then this write is done, and must not meet its own version.
      if (attempted?.record !== undefined && isWritten(deps.reader, attempted.record)) return attempted.result
      const decision = decideWrite(deps.reader.store, write, options.now())
      if (decision.record === undefined) return decision.result
      attempted = decision
      const offset = await commit(producer, decision.record, deps.config)
      await beforeDeadline(deps.reader.readThrough(offset + 1), until)
      return decision.result
    } catch (error) {
      if (error instanceof ServiceError) throw error
      cause = error
      deps.logger.info({ part: 'catalog-writer', tries, err: error }, 'catalog write is tried again')
      await session.end()
      await delay(20 + Math.random() * 80 * tries)
    }
  }
  throw unconfirmed(cause)
}

/** A reader that has lost Kafka must not hold up the writes behind this one for ever. */
function beforeDeadline(reading: Promise<void>, until: number): Promise<void> {
  return within(reading, Math.max(0, until - Date.now()), unconfirmed)
}

async function commit(
  producer: TransactionalProducer,
  record: CatalogRecord,
  config: KafkaConfig,
): Promise<number> {
  const [offset] = await producer.writeAll([
    {
      topic: config.kafkaTopicPrefix + catalogTopic.name,
      partition: 0,
      key: catalogKey(record.tenant, record.kind as CatalogWrite['kind'], record.name),
      value: Buffer.from(CatalogRecord.encode(record).finish()),
    },
  ])
  if (offset === undefined) throw new Error('a committed message has no offset')
  return offset
}

function isWritten(reader: CatalogReader, record: CatalogRecord): boolean {
  const latest = reader.store.latest(record.tenant, record.kind as CatalogWrite['kind'], record.name)
  return (
    latest !== undefined &&
    latest.version === record.version &&
    latest.writtenAtUs === record.writtenAtUs &&
    latest.writtenBy === record.writtenBy &&
    latest.json === record.json
  )
}

const unconfirmed = (cause?: unknown): ServiceError =>
  new ServiceError(
    'unavailable',
    'Kafka did not confirm the write in time. Read the resource to see whether it was written, or send the same request again.',
    { cause },
  )
