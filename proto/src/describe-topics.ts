import { messageText } from './message-text.ts'
import { type TopicDescription, topics } from './topics.ts'

const about: Readonly<Record<TopicDescription['message'], string>> = {
  EventBatch: 'Events in the order of their partition, with the settlements and retractions of them.',
  CatalogRecord: 'One version of one resource of the catalog.',
  KeyUsage: 'What an instance has let a key take of its rate limit.',
  DeliveryState: 'What instances of postback-delivery share: breakers, probes, who is there.',
  Delivery: 'Something to be sent to one receiver, with all that an attempt needs.',
  Attempt: 'One HTTP request of a delivery, and what came of it.',
}

/**
 * The topics as an AsyncAPI 3.0 document. Whoever has access to Kafka may read them; what is in them stays readable:
 * messages are compatible for ever.
 */
export function describeTopics(): object {
  const messages = [...new Set(topics.map(({ message }) => message))]
  return {
    asyncapi: '3.0.0',
    id: 'urn:millrace:topics',
    info: {
      title: 'Millrace topics',
      version: 'v1',
      description:
        'What the mesh keeps in Kafka. Messages are protobuf (proto3) and compatible for ever: fields are added, never changed. A deployment may put a prefix before all names of topics. Only Millrace writes these topics: events and commands go in over HTTP and gRPC.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/x-protobuf',
    servers: {
      kafka: {
        host: '{bootstrap}',
        protocol: 'kafka',
        description: 'The brokers of the deployment.',
        variables: { bootstrap: { default: 'localhost:9092', description: 'host:port of a broker' } },
      },
    },
    channels: Object.fromEntries(topics.map((topic) => [channelId(topic), describeChannel(topic)])),
    operations: Object.fromEntries(
      topics.map((topic) => [`write-${channelId(topic)}`, describeWriting(topic)]),
    ),
    components: {
      messages: Object.fromEntries(messages.map((message) => [message, describeMessage(message)])),
    },
  }
}

/** Names of channels cannot hold dots everywhere. */
function channelId({ name }: TopicDescription): string {
  return name.replaceAll('.', '-')
}

function describeChannel({ name, message, key, partitions, cleanup, retentionMs }: TopicDescription): object {
  const many = partitions === 1 ? 'One partition.' : 'As many partitions as the deployment configures.'
  return {
    address: name,
    title: name,
    description: `${about[message]} ${many} Key: ${key}.`,
    servers: [{ $ref: '#/servers/kafka' }],
    messages: { [message]: { $ref: `#/components/messages/${message}` } },
    bindings: {
      kafka: {
        bindingVersion: '0.5.0',
        topic: name,
        ...(partitions === 1 && { partitions }),
        topicConfiguration: {
          'cleanup.policy': [cleanup],
          ...(retentionMs !== undefined && { 'retention.ms': retentionMs }),
        },
      },
    },
  }
}

function describeWriting(topic: TopicDescription): object {
  const id = channelId(topic)
  return {
    action: 'send',
    channel: { $ref: `#/channels/${id}` },
    summary: `The mesh appends to ${topic.name}`,
    messages: [{ $ref: `#/channels/${id}/messages/${topic.message}` }],
  }
}

function describeMessage(message: TopicDescription['message']): object {
  return {
    name: `millrace.v1.${message}`,
    title: message,
    summary: about[message],
    contentType: 'application/x-protobuf',
    payload: { schemaFormat: 'application/vnd.google.protobuf;version=3', schema: messageText(message) },
  }
}
