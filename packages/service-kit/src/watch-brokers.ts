import { setTimeout as delay } from 'node:timers/promises'
import kafka from '@confluentinc/kafka-javascript'
import { endProcess } from './hung-calls.ts'
import { commonClientConfig, type KafkaConfig } from './kafka-client.ts'
import { type LiveClient, liveClients } from './kafka-live-clients.ts'
import type { Logger } from './log.ts'
import { Gauge, type Registry } from './metrics.ts'
import type { Readiness } from './readiness.ts'

/** Looks now and then whether the process' Kafka clients still find their way to Kafka. */
export interface BrokerLookout {
  /**
   * Asks each client once. After `fatalLooks` in a row in which one had no broker, though Kafka was there for a new
   * client, the process ends: nothing brings such a client back.
   */
  look(signal?: AbortSignal): Promise<void>
  /** Clients that had no broker at the last look, whether Kafka was there or not. */
  withoutBroker(): number
}

export interface BrokerLookoutDeps {
  readonly clients: () => readonly LiveClient[]
  /** Brokers that a new client is told of and can reach one of. */
  readonly countBrokers: (config: KafkaConfig) => Promise<number>
  readonly readiness: Readiness
  readonly logger: Logger
  /** Ends the process; its supervisor starts it again. */
  readonly end: () => void
}

/** Counted in looks: a process that stood still, or got no time, has looked no more often for that. */
const fatalLooks = 4
/** A client that has just lost its connection is not reported yet. */
const reportedLooks = 2
const everyMs = 15_000
const freshClientMs = 2_000
const part = 'kafka-clients'

interface Lost {
  readonly since: string
  readonly looks: number
}

/**
 * librdkafka forgets all brokers when it is told of none, and may then look for none again (2.15, issue 5301). A broker
 * that the controller has fenced tells so. Such a client waits for ever, and says nothing.
 */
export function createBrokerLookout(deps: BrokerLookoutDeps): BrokerLookout {
  let lost = new Map<LiveClient, Lost>()
  let withoutBroker = 0
  const findLost = async (signal?: AbortSignal): Promise<readonly LiveClient[]> => {
    const found: LiveClient[] = []
    // One after the other: each may hold one of Node's few threads for a moment.
    for (const client of deps.clients()) {
      if (signal?.aborted) return []
      if (!(await client.hasBroker())) found.push(client)
    }
    // One that was closed meanwhile is nobody's any more.
    const open = new Set(deps.clients())
    return found.filter((client) => open.has(client))
  }
  const report = (): void => {
    const names = [...lost].filter(([, { looks }]) => looks >= reportedLooks).map(([{ name }]) => name)
    const missing = names.length === 0 ? undefined : `no broker is known any more to ${names.join(', ')}`
    deps.readiness.set(part, missing)
  }
  return {
    withoutBroker: () => withoutBroker,
    async look(signal) {
      const found = await findLost(signal)
      withoutBroker = found.length
      const [first] = found
      // While Kafka is away a client without a broker is as it should be, and it is given its time when Kafka is back.
      const there = first !== undefined && (await deps.countBrokers(first.config)) > 0
      if (signal?.aborted) return
      const before = lost
      lost = new Map(there ? found.map((client) => [client, oneMore(before.get(client))]) : [])
      report()
      for (const [{ name }, { since, looks }] of lost) {
        if (looks < fatalLooks) continue
        deps.logger.fatal(
          { part: name, since, looks },
          'a kafka client has lost all brokers, the process ends',
        )
        deps.end()
        return
      }
    },
  }
}

function oneMore({ since, looks }: Lost = { since: new Date().toISOString(), looks: 0 }): Lost {
  return { since, looks: looks + 1 }
}

export interface BrokerWatch {
  stop(): Promise<void>
}

/** Looks every 15 s, so that a client is given up after about a minute. */
export function startBrokerWatch(deps: {
  readonly service: string
  readonly registry: Registry
  readonly readiness: Readiness
  readonly logger: Logger
}): BrokerWatch {
  const { service, registry, readiness, logger } = deps
  const lookout = createBrokerLookout({
    clients: liveClients,
    countBrokers: countBrokersAnew,
    readiness,
    logger,
    end: () => endProcess(1),
  })
  new Gauge({
    name: `millrace_${service.replaceAll('-', '_')}_kafka_clients_without_broker`,
    help: 'Kafka clients that had no broker to ask at the last look, every 15 s. While Kafka is there the process ends after a minute.',
    registers: [registry],
    collect() {
      this.set(lookout.withoutBroker())
    },
  })
  const stopping = new AbortController()
  const { signal } = stopping
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await delay(everyMs, undefined, { signal, ref: false }).catch(() => undefined)
      if (!signal.aborted) await lookout.look(signal)
    }
  }
  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/**
 * Brokers that Kafka tells a client of that knows none but the bootstrap servers; 0 when it does not answer, or when
 * none of those that it tells of can be reached: a lasting client knows only them.
 */
export function countBrokersAnew(config: KafkaConfig): Promise<number> {
  const client = new kafka.Producer(commonClientConfig(config, 'millrace-broker-watch'), {})
  return new Promise((resolve) => {
    client.connect({ timeout: freshClientMs }, (refused) => {
      // A client that cannot connect closes itself.
      if (refused) {
        resolve(0)
        return
      }
      client.getMetadata({ timeout: freshClientMs }, (error, metadata) => {
        client.disconnect(() => resolve(error ? 0 : metadata.brokers.length))
      })
    })
  })
}
