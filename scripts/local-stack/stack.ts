import { join } from 'node:path'
import { type ClickHouse, createClickHouse } from './clickhouse.ts'
import { findFreePorts } from './free-ports.ts'
import { createKafka, type Kafka, stopBrokers } from './kafka.ts'
import {
  createManagedProcess,
  type ManagedProcess,
  type ManagedProcessOptions,
  type ProcessStatus,
} from './managed-process.ts'
import { mapPorts, type PortPlan, SERVICE_NAMES, type ServiceName } from './port-plan.ts'
import { httpAnswersOk } from './probe-http.ts'
import { generateRootKey } from './root-key.ts'
import { serviceEnvironment } from './service-environment.ts'
import { REPOSITORY_ROOT } from './toolchain.ts'

export type StackPart = 'kafka' | 'clickhouse' | ServiceName
export const STACK_PARTS: readonly StackPart[] = ['kafka', 'clickhouse', ...SERVICE_NAMES]

export type StackOptions = {
  /** For data and logs. */
  directory: string
  /** 1 (the default) or 3. */
  brokers?: number
  /** Free ones by default. */
  plan?: PortPlan
  /** A fresh one by default. */
  rootKey?: string
  /** Everything by default. */
  parts?: readonly StackPart[]
  /** In place of this process' own environment. */
  environment?: NodeJS.ProcessEnv
  /** Beyond what every service is given, or in its place. */
  serviceEnvironment?: Partial<Record<ServiceName, NodeJS.ProcessEnv>>
  onChange?: (status: ProcessStatus) => void
  /** Of the brokers, beyond the local ones. */
  kafkaSettings?: Record<string, string>
  /** For every process, in place of its own: for machines that are busy with other things. */
  readyTimeoutMs?: number
}

export type Stack = {
  readonly plan: PortPlan
  readonly rootKey: string
  readonly kafka: Kafka
  readonly clickhouse: ClickHouse
  /** In the order they start. */
  readonly processes: ManagedProcess[]
  /** By name: kafka-1, clickhouse, ingest, ... */
  process: (name: string) => ManagedProcess
  /** Resolves when every process is ready. When one fails, what was started is stopped again. */
  start: () => Promise<void>
  /** Waits for one process, or for all, to be ready (again). */
  untilReady: (name?: string) => Promise<void>
  /** SIGKILL to one process, which is then started again as after any crash. */
  kill: (name: string) => Promise<void>
  /** In reverse order. */
  stop: () => Promise<void>
}

/** A whole mesh of its own: started, ready. Stop it before the directory is removed. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stack = createStack({ ...options, plan: options.plan ?? (await freePlan(options.brokers ?? 1)) })
  await stack.start()
  return stack
}

async function freePlan(brokers: number): Promise<PortPlan> {
  let count = 0
  mapPorts(brokers, () => ++count)
  const ports = await findFreePorts(count)
  return mapPorts(brokers, () => ports.pop() ?? 0)
}

export function createStack(options: StackOptions & { plan: PortPlan }): Stack {
  const { directory, plan, rootKey = generateRootKey(), parts = STACK_PARTS } = options
  const processOptions: ManagedProcessOptions = {
    restart: true,
    ...(options.onChange ? { onChange: options.onChange } : {}),
    ...(options.readyTimeoutMs !== undefined && { readyTimeoutMs: options.readyTimeoutMs }),
  }
  const logDirectory = join(directory, 'logs')
  const common = { logDirectory, process: processOptions }
  const kafka = createKafka({
    ...common,
    directory: join(directory, 'kafka'),
    ports: plan.kafka,
    ...(options.kafkaSettings !== undefined && { settings: options.kafkaSettings }),
  })
  const clickhouse = createClickHouse({
    ...common,
    directory: join(directory, 'clickhouse'),
    ports: plan.clickhouse,
  })
  const service = (name: ServiceName) =>
    createManagedProcess(serviceSpec(name, { ...options, plan, rootKey, logDirectory }), processOptions)
  const include = (part: StackPart, make: () => ManagedProcess[]) => (parts.includes(part) ? make() : [])
  // A stage starts when the one before it is ready; within a stage all start at once.
  const stages = [
    [...include('kafka', () => kafka.brokers), ...include('clickhouse', () => [clickhouse.server])],
    (['ingest', 'aggregator', 'postback-delivery'] as const).flatMap((name) =>
      include(name, () => [service(name)]),
    ),
    include('query', () => [service('query')]),
  ]
  const processes = stages.flat()
  const process = (name: string) => {
    const found = processes.find((it) => it.name === name)
    if (!found) throw new Error(`no process "${name}" here, but ${processes.map((it) => it.name).join(', ')}`)
    return found
  }
  return {
    plan,
    rootKey,
    kafka,
    clickhouse,
    processes,
    process,
    ...createLifecycle(stages, kafka.brokers),
    untilReady: async (name) => {
      await Promise.all((name === undefined ? processes : [process(name)]).map((it) => it.untilReady()))
    },
    kill: (name) => process(name).kill(),
  }
}

function createLifecycle(
  stages: ManagedProcess[][],
  brokers: ManagedProcess[],
): Pick<Stack, 'start' | 'stop'> {
  let stopRequested = false
  const stop = async () => {
    stopRequested = true
    for (const stage of stages.toReversed()) {
      await Promise.all(stage.filter((it) => !brokers.includes(it)).map((it) => it.stop()))
      if (stage.some((it) => brokers.includes(it))) await stopBrokers(brokers)
    }
  }
  const start = async () => {
    stopRequested = false
    for (const stage of stages) {
      const results = await Promise.allSettled(stopRequested ? [] : stage.map((it) => it.start()))
      const failed = results.find((it) => it.status === 'rejected')
      if (failed) {
        await stop()
        throw failed.reason
      }
    }
    if (stopRequested) throw new Error('stopped before everything was ready')
  }
  return { start, stop }
}

type ServiceSpecOptions = StackOptions & { plan: PortPlan; rootKey: string; logDirectory: string }

function serviceSpec(
  name: ServiceName,
  { plan, rootKey, logDirectory, environment, ...options }: ServiceSpecOptions,
) {
  const { http, grpc, operations } = plan.services[name]
  const inherited = environment ?? process.env
  return {
    name,
    address: `${http === undefined ? '' : `http://127.0.0.1:${http} · `}grpc 127.0.0.1:${grpc}`,
    command: process.execPath,
    parameters: [join(REPOSITORY_ROOT, 'services', name, 'src/main.ts')],
    cwd: REPOSITORY_ROOT,
    environment: {
      ...serviceEnvironment(name, { plan, rootKey, inherited }),
      ...options.serviceEnvironment?.[name],
    },
    logFile: join(logDirectory, `${name}.log`),
    isReady: () => httpAnswersOk(`http://127.0.0.1:${operations}/healthz/ready`),
    readyTimeoutMs: 60_000,
    // Longer than the services give themselves (SHUTDOWN_TIMEOUT_MS).
    stopTimeoutMs: 22_000,
  }
}
