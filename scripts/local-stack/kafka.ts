import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { findFreePorts } from './free-ports.ts'
import { describeExit, type ProcessCommand, startGuarded } from './guarded-process.ts'
import { fetchBrokerIds } from './kafka-metadata.ts'
import { kafkaProperties } from './kafka-settings.ts'
import { createManagedProcess, type ManagedProcess, type ManagedProcessOptions } from './managed-process.ts'
import { type BrokerPorts, brokerName } from './port-plan.ts'
import { classArchive, javaCommand, kafkaClassPath } from './toolchain.ts'

export type KafkaOptions = {
  /** For the data and the settings; what an earlier run left there is used again. */
  directory: string
  /** 1 by default. Ignored when `ports` is given. */
  brokers?: number
  /** Free ones by default. */
  ports?: BrokerPorts[]
  /** `directory`/logs by default. */
  logDirectory?: string
  /** Broker settings beyond the local ones, or in their place. */
  settings?: Record<string, string>
  /** For the JVM, in place of the use of the class archive. */
  jvmOptions?: string[]
  process?: ManagedProcessOptions
}

export type Kafka = {
  /** host:port of every broker. */
  readonly addresses: string[]
  /** The same, joined by commas: what clients call bootstrap servers. */
  readonly bootstrapServers: string
  readonly brokers: ManagedProcess[]
  pids: () => number[]
  /** Starts all brokers and waits until each is in service. */
  start: () => Promise<void>
  stop: () => Promise<void>
  /** SIGKILL to one broker (from 0), or to all. */
  kill: (index?: number) => Promise<void>
  /** Starts what is not running, on the same ports and data; what runs is stopped first. */
  restart: () => Promise<void>
}

/** A running Kafka in KRaft mode, every broker a controller too. Stop it before the directory is removed. */
export async function startKafka(options: KafkaOptions): Promise<Kafka> {
  const kafka = createKafka({
    ...options,
    ports: options.ports ?? (await freeBrokerPorts(options.brokers ?? 1)),
  })
  await kafka.start()
  return kafka
}

export function createKafka(options: KafkaOptions & { ports: BrokerPorts[] }): Kafka {
  const { ports } = options
  const processOptions = options.process ?? { restart: false }
  const brokers = ports.map((_, index) => createManagedProcess(brokerSpec(options, index), processOptions))
  const addresses = ports.map(({ client }) => `127.0.0.1:${client}`)
  const start = async () => {
    const starts = await Promise.allSettled(
      brokers.filter((it) => it.status().pid === null).map((it) => it.start()),
    )
    const failed = starts.find((it) => it.status === 'rejected')
    if (!failed) return
    await stop()
    throw failed.reason
  }
  const stop = () => stopBrokers(brokers)
  return {
    addresses,
    bootstrapServers: addresses.join(','),
    brokers,
    pids: () => brokers.flatMap((it) => it.status().pid ?? []),
    start,
    stop,
    kill: async (index) => {
      const chosen = index === undefined ? brokers : brokers.slice(index, index + 1)
      await Promise.all(chosen.map((it) => it.kill()))
    },
    restart: async () => {
      await stop()
      await start()
    },
  }
}

/** A broker without a quorum cannot take its leave from it, and would try for minutes. */
const LONELY_STOP_TIMEOUT_MS = 2_000

/** One after another: each hands over what it leads while the quorum still stands. */
export async function stopBrokers(brokers: ManagedProcess[]): Promise<void> {
  for (const broker of brokers.toReversed()) {
    const running = brokers.filter((it) => it.status().pid !== null).length
    const hasQuorum = running > brokers.length / 2
    await broker.stop(hasQuorum ? undefined : LONELY_STOP_TIMEOUT_MS)
  }
}

async function freeBrokerPorts(brokers: number): Promise<BrokerPorts[]> {
  const ports = await findFreePorts(2 * brokers)
  return Array.from({ length: brokers }, (_, i) => ({
    client: ports[2 * i] ?? 0,
    controller: ports[2 * i + 1] ?? 0,
  }))
}

function brokerSpec(options: KafkaOptions & { ports: BrokerPorts[] }, index: number) {
  const name = brokerName(index)
  const directory = join(options.directory, name)
  const port = options.ports[index]?.client ?? 0
  const command: ProcessCommand = {
    command: javaCommand(),
    parameters: [
      ...JVM_OPTIONS,
      ...(options.jvmOptions ?? classArchive()),
      ...kafkaClassPath(),
      'kafka.Kafka',
      'server.properties',
    ],
    cwd: directory,
    environment: process.env,
    logFile: join(options.logDirectory ?? join(options.directory, 'logs'), `${name}.log`),
  }
  return {
    ...command,
    name,
    address: `127.0.0.1:${port}`,
    prepare: () => prepareBroker(options, index, command),
    isReady: async () => (await fetchBrokerIds(port))?.includes(index + 1) ?? false,
    readyTimeoutMs: 90_000,
    stopTimeoutMs: 15_000,
  }
}

const JVM_OPTIONS = [
  '-Xms128m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:+ExitOnOutOfMemoryError',
  '-Djava.awt.headless=true',
  // A URL: log4j takes a path with a space for two.
  `-Dlog4j2.configurationFile=${pathToFileURL(join(import.meta.dirname, 'log4j2.properties')).href}`,
]

/** Writes the settings and, once, formats the data folder. */
async function prepareBroker(
  options: KafkaOptions & { ports: BrokerPorts[] },
  index: number,
  command: ProcessCommand,
) {
  mkdirSync(command.cwd, { recursive: true })
  const { ports, settings } = options
  const { clusterId } = keepCluster(options.directory, ports.length)
  writeFileSync(
    join(command.cwd, 'server.properties'),
    kafkaProperties({ index, ports, ...(settings ? { settings } : {}) }),
  )
  // The last file that formatting writes.
  if (existsSync(join(command.cwd, 'data/meta.properties'))) return
  // In one word with its flag: one id in 64 starts with a dash, and would be read as a flag itself.
  const format = ['format', `--cluster-id=${clusterId}`, '--config', 'server.properties']
  const parameters = [
    '-XX:TieredStopAtLevel=1',
    ...JVM_OPTIONS,
    ...kafkaClassPath(),
    'kafka.tools.StorageTool',
    ...format,
  ]
  const formatting = await startGuarded({ ...command, parameters: [...parameters, '--ignore-formatted'] })
  const exit = await formatting.exited
  if (exit.code !== 0) throw new Error(`formatting Kafka's data folder failed (${describeExit(exit)})`)
}

type Cluster = { clusterId: string; brokers: number }

/** Made at the first start, and shared by all brokers of the directory over all runs. */
function keepCluster(directory: string, brokers: number): Cluster {
  const file = join(directory, 'cluster.json')
  if (!existsSync(file)) {
    writeFileSync(file, JSON.stringify({ clusterId: randomBytes(16).toString('base64url'), brokers }))
  }
  const cluster = JSON.parse(readFileSync(file, 'utf8')) as Cluster
  if (cluster.brokers === brokers) return cluster
  // Three would miss the quorum's votes of one, one the others' partitions.
  throw new Error(
    `${directory} holds the data of BROKERS=${cluster.brokers}, not ${brokers}: keep that number, or make clean first`,
  )
}
