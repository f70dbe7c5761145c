import type { BrokerPorts } from './port-plan.ts'

export type KafkaSettingsOptions = {
  /** From 0. */
  index: number
  ports: BrokerPorts[]
  /** Beyond ours, or in place of ours. */
  settings?: Record<string, string>
}

/** The content of one broker's server.properties. Its data folder is relative: the broker runs beside it. */
export function kafkaProperties({ index, ports, settings }: KafkaSettingsOptions): string {
  const own = ports[index]
  if (!own) throw new Error(`there is no broker ${index}`)
  const all = {
    ...nodeSettings(index, own, ports),
    ...replication(ports.length),
    ...sessions(ports.length),
    ...LOCAL_SETTINGS,
    ...settings,
  }
  return `${Object.entries(all)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`
}

function nodeSettings(index: number, own: BrokerPorts, ports: BrokerPorts[]): Record<string, string> {
  return {
    'node.id': String(index + 1),
    'process.roles': 'broker,controller',
    listeners: `CLIENT://127.0.0.1:${own.client},CONTROLLER://127.0.0.1:${own.controller}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${own.client}`,
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'CLIENT',
    'controller.listener.names': 'CONTROLLER',
    // A static quorum: its addresses live here and not in the data, so the ports may be shifted later.
    'controller.quorum.voters': ports.map((peer, i) => `${i + 1}@127.0.0.1:${peer.controller}`).join(','),
    'log.dirs': 'data',
  }
}

function replication(brokers: number): Record<string, string> {
  const factor = String(Math.min(brokers, 3))
  const minInSync = brokers >= 3 ? '2' : '1'
  return {
    'default.replication.factor': factor,
    'min.insync.replicas': minInSync,
    'offsets.topic.replication.factor': factor,
    'transaction.state.log.replication.factor': factor,
    'transaction.state.log.min.isr': minInSync,
    'share.coordinator.state.topic.replication.factor': factor,
    'share.coordinator.state.topic.min.isr': minInSync,
  }
}

/**
 * A killed broker may register again only once its old session is over, and only then do others take over what
 * it led: short sessions make recovery quick, and risk that a starved broker is taken for dead. A single broker
 * risks nothing, there is nobody to take over.
 */
function sessions(brokers: number): Record<string, string> {
  return brokers === 1
    ? { 'broker.session.timeout.ms': '1500', 'broker.heartbeat.interval.ms': '300' }
    : { 'broker.session.timeout.ms': '4000', 'broker.heartbeat.interval.ms': '500' }
}

const LOCAL_SETTINGS: Record<string, string> = {
  'auto.create.topics.enable': 'false',
  'group.initial.rebalance.delay.ms': '0',
  // Lets tests see the death of a consumer within seconds.
  'group.min.session.timeout.ms': '1000',
  'group.consumer.min.session.timeout.ms': '1000',
  'group.consumer.min.heartbeat.interval.ms': '100',
  // Made on first use, and read again after a crash: 50 partitions each would take seconds here.
  'offsets.topic.num.partitions': '8',
  'transaction.state.log.num.partitions': '8',
  'share.coordinator.state.topic.num.partitions': '4',
  'num.recovery.threads.per.data.dir': '4',
  // Small: two cores, half a gigabyte of heap.
  'num.network.threads': '2',
  'num.io.threads': '4',
  'background.threads': '4',
  'log.cleaner.dedupe.buffer.size': '16777216',
}
