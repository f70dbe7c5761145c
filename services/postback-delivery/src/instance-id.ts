import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { DeliveryConfig } from './config.ts'

type Config = Pick<DeliveryConfig, 'instanceId' | 'grpcPort'>

const ownId = randomUUID()

/** The same after a restart; undefined when it will be another one. */
export function lastingId(config: Config): string | undefined {
  return config.instanceId === '' && config.grpcPort === 0 ? undefined : instanceId(config)
}

/** Two instances of one host differ in their ports; of a free port nobody knows which it will be next time. */
export function instanceId({ instanceId: given, grpcPort }: Config): string {
  if (given !== '') return given
  return `${hostname()}-${grpcPort === 0 ? ownId : grpcPort}`
}
