import kafka, { type LibrdKafkaError } from '@confluentinc/kafka-javascript'
import type { KafkaConfig } from './kafka-client.ts'

/**
 * A client that is to last as long as its service, and waits outages out by itself. Transactional producers are none:
 * after any failure their users replace them.
 */
export interface LiveClient {
  readonly name: string
  readonly config: KafkaConfig
  /** Whether it has a broker to ask: one that is there but slow to answer counts. */
  hasBroker(): Promise<boolean>
}

interface Askable {
  getMetadata(
    options: { readonly allTopics: boolean; readonly timeout: number },
    done: (error: LibrdKafkaError | null) => void,
  ): unknown
}

/** A client with a connection does not wait; the others hold one of Node's few threads for so long. */
const askMs = 250

/** Those of the process, whoever made them. Its services watch over them. */
const clients = new Set<LiveClient>()

export const liveClients = (): readonly LiveClient[] => [...clients]

/** @returns to be called before the client is closed: resolves once it is not being asked */
export function joinLiveClients(name: string, config: KafkaConfig, client: Askable): () => Promise<void> {
  let asking: Promise<unknown> = Promise.resolve()
  const live: LiveClient = {
    name,
    config,
    hasBroker() {
      const asked = askForBroker(client)
      asking = asked
      return asked
    },
  }
  clients.add(live)
  return async () => {
    clients.delete(live)
    await asking
  }
}

function askForBroker(client: Askable): Promise<boolean> {
  return new Promise((resolve) => {
    client.getMetadata({ allTopics: false, timeout: askMs }, (error) => {
      // A request that was sent and not answered in time is another thing.
      resolve(error?.code !== kafka.CODES.ERRORS.ERR__TRANSPORT)
    })
  })
}
