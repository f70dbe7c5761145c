import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { devNull, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type NodeProcess, readyWithin, residentMiB, startNode } from '../bench/measure.ts'
import { findFreePorts, startKafka } from '../local-stack/index.ts'

/** A private Kafka, and instances of postback-delivery that come, go and are killed. */
export interface ChaosMesh {
  readonly bootstrapServers: string
  /** The first time it resolves when the instance is ready; later at once, as a restarted container does. */
  start(instance: string): Promise<void>
  /** kill -9. */
  kill(instance: string): Promise<void>
  /** Starts it, or stops it gracefully. */
  toggle(instance: string): Promise<void>
  /** What it has in memory; NaN when it is not running. */
  residentMiB(instance: string): number
  stop(): Promise<void>
}

/** A machine may have much else to do. */
const readyMs = 180_000
const main = new URL('../../services/postback-delivery/src/main.ts', import.meta.url)

/** @param environment of all instances, on top of what they have anyway */
export async function startChaosMesh(environment: Readonly<Record<string, string>> = {}): Promise<ChaosMesh> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-chaos-'))
  const kafka = await startKafka({ directory: join(directory, 'kafka') })
  const running = new Map<string, NodeProcess>()
  const known = new Set<string>()
  const end = async (instance: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    const service = running.get(instance)
    running.delete(instance)
    await service?.stop(signal)
  }
  const start = async (instance: string): Promise<void> => {
    const [grpc = 0, operations = 0] = await findFreePorts(2)
    const variables = {
      KAFKA_BROKERS: kafka.bootstrapServers,
      KAFKA_REPLICATION_FACTOR: '1',
      KAFKA_MIN_INSYNC_REPLICAS: '1',
      KAFKA_POSTBACKS_PARTITIONS: '4',
      MILLRACE_ROOT_KEY: 'mr_root_chaos_only_on_loopback',
      LOG_LEVEL: 'error',
      GRPC_HOST: '127.0.0.1',
      GRPC_PORT: String(grpc),
      OPERATIONS_HOST: '127.0.0.1',
      OPERATIONS_PORT: String(operations),
      POSTBACK_ALLOWED_NETWORKS: '127.0.0.0/8',
      POSTBACK_INSTANCE_ID: instance,
      ...environment,
    }
    running.set(instance, await startNode(main, [], variables, devNull))
    if (known.has(instance)) return
    known.add(instance)
    await readyWithin(operations, readyMs)
  }
  return {
    bootstrapServers: kafka.bootstrapServers,
    start,
    kill: (instance) => end(instance, 'SIGKILL'),
    toggle: (instance) => (running.has(instance) ? end(instance, 'SIGTERM') : start(instance)),
    residentMiB(instance) {
      const service = running.get(instance)
      return service === undefined ? Number.NaN : residentMiB(service.pid)
    },
    async stop() {
      await Promise.all([...running.keys()].map((instance) => end(instance, 'SIGKILL')))
      await kafka.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
