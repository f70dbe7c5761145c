import kafka, {
  type KafkaConsumer as Client,
  type LibrdKafkaError,
  type TopicPartition,
  type TopicPartitionOffset,
} from '@confluentinc/kafka-javascript'
import type { KafkaConsumerOptions } from './kafka-consumer.ts'

/** What the client has and its types lack. */
interface Untyped {
  assignmentLost(): boolean
  rebalanceProtocol(): string
  incrementalAssign(partitions: (TopicPartition | TopicPartitionOffset)[]): void
  incrementalUnassign(partitions: TopicPartition[]): void
}

const untyped = (client: Client): Untyped => client as unknown as Untyped

/** Does what a member does when partitions come or go, then answers. */
export async function rebalance(
  client: Client,
  options: Pick<KafkaConsumerOptions, 'onAssigned' | 'onRevoked'>,
  error: LibrdKafkaError,
  partitions: TopicPartition[],
): Promise<void> {
  if (error.code === kafka.CODES.ERRORS.ERR__ASSIGN_PARTITIONS) {
    const starts = (await options.onAssigned?.(partitions)) ?? partitions
    if (isCooperative(client)) untyped(client).incrementalAssign([...starts])
    else client.assign([...starts])
  } else {
    await options.onRevoked?.(partitions, untyped(client).assignmentLost())
    if (isCooperative(client)) untyped(client).incrementalUnassign([...partitions])
    else client.unassign()
  }
}

/** Without an answer the group waits for this member until it is thrown out, and a client that closes waits for ever. */
export function answerWithNothing(
  client: Client,
  { code }: LibrdKafkaError,
  partitions: TopicPartition[],
  stopped: boolean,
): void {
  try {
    if (!isCooperative(client)) client.unassign()
    else if (code === kafka.CODES.ERRORS.ERR__ASSIGN_PARTITIONS) untyped(client).incrementalAssign([])
    else untyped(client).incrementalUnassign([...partitions])
  } catch (error) {
    // Of a client that is closed already nobody waits for anything.
    if (!stopped) throw error
  }
}

/** What a rebalance tells comes on top of what there is, or goes from it. */
function isCooperative(client: Client): boolean {
  return untyped(client).rebalanceProtocol() === 'COOPERATIVE'
}
