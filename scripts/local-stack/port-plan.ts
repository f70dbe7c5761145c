export const SERVICE_NAMES = ['ingest', 'aggregator', 'postback-delivery', 'query'] as const
export type ServiceName = (typeof SERVICE_NAMES)[number]

export type BrokerPorts = { client: number; controller: number }
export type ClickHousePorts = { http: number; tcp: number }
export type ServicePorts = { http?: number; grpc: number; operations: number }

export type PortPlan = {
  kafka: BrokerPorts[]
  clickhouse: ClickHousePorts
  services: Record<ServiceName, ServicePorts>
}

/** The documented ports, each shifted by `offset`. */
export function planPorts(brokers: number, offset: number): PortPlan {
  return mapPorts(brokers, (port) => {
    const shifted = port + offset
    if (shifted < 1 || shifted > 65_535) {
      throw new Error(
        `PORT_OFFSET=${offset} moves port ${port} to ${shifted}, which is no port: choose a smaller one`,
      )
    }
    if (port === 8080 || port === 8081) refuseBlockedPort(shifted, offset)
    return shifted
  })
}

/** Ports above 1023 that browsers and `fetch` never connect to. Source: WHATWG Fetch, section 2.9 "Port blocking". */
const BLOCKED_PORTS = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
  10_080,
])

function refuseBlockedPort(port: number, offset: number): void {
  if (!BLOCKED_PORTS.has(port)) return
  throw new Error(`PORT_OFFSET=${offset} leads to port ${port}, which browsers refuse: choose another offset`)
}

/** The plan with every documented port replaced. Asked once per port, in a fixed order. */
export function mapPorts(brokers: number, replace: (port: number) => number): PortPlan {
  return {
    kafka: Array.from({ length: brokers }, (_, index) => ({
      client: replace(9092 + 2 * index),
      controller: replace(9093 + 2 * index),
    })),
    clickhouse: { http: replace(8123), tcp: replace(9000) },
    services: {
      ingest: { http: replace(8080), grpc: replace(50_051), operations: replace(9101) },
      aggregator: { grpc: replace(50_053), operations: replace(9103) },
      'postback-delivery': { grpc: replace(50_052), operations: replace(9102) },
      query: { http: replace(8081), grpc: replace(50_054), operations: replace(9104) },
    },
  }
}

export type PortUse = { port: number; process: string; purpose: string }

/** Every port of the plan with the process that needs it. */
export function listPorts(plan: PortPlan): PortUse[] {
  const kafka = plan.kafka.flatMap(({ client, controller }, index) => [
    { port: client, process: brokerName(index), purpose: 'clients' },
    { port: controller, process: brokerName(index), purpose: 'controller' },
  ])
  const clickhouse = Object.entries(plan.clickhouse).map(([purpose, port]) => ({
    port,
    process: 'clickhouse',
    purpose,
  }))
  const services = Object.entries(plan.services).flatMap(([process, ports]) =>
    Object.entries(ports).map(([purpose, port]) => ({ port, process, purpose })),
  )
  return [...kafka, ...clickhouse, ...services]
}

export function brokerName(index: number): string {
  return `kafka-${index + 1}`
}
