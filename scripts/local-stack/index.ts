// The local stack's blocks: `make up` is built of them, and tests start private ones with them.
export { type ClickHouse, type ClickHouseOptions, startClickHouse } from './clickhouse.ts'
export { findFreePorts } from './free-ports.ts'
export { type Kafka, type KafkaOptions, startKafka } from './kafka.ts'
export type { ManagedProcess, ProcessState, ProcessStatus } from './managed-process.ts'
export { SERVICE_NAMES, type ServiceName } from './port-plan.ts'
export { type Stack, type StackOptions, type StackPart, startStack } from './stack.ts'
