import { createMeshHttp, type MeshAddress } from '../client/mesh-http.ts'
import { waitUntil } from '../local-stack/wait-until.ts'
import type { Flight } from './flights.ts'
import type { Receiver } from './receiver.ts'

export interface PostbackResult {
  readonly requested: number
  readonly arrived: number
  /** Flights whose postback is missing or came with other values than the file's. */
  readonly faults: readonly string[]
  /** Deliveries that the mesh itself reports as delivered. */
  readonly reportedDelivered: number
}

const perRequest = 25

/** Asks for a postback for each flight; the macros carry its figures to the receiver. Returns the postbacks' ids. */
export async function requestPostbacks(
  address: MeshAddress,
  receiver: Receiver,
  flights: readonly Flight[],
): Promise<string[]> {
  const http = createMeshHttp(address)
  const ids: string[] = []
  for (let start = 0; start < flights.length; start += perRequest) {
    const { id } = await http.requestPostbacks({
      endpoint: { method: 'GET', url: `${receiver.url}/late?flight={id}&from={origin}&minutes={delay}` },
      data: flights.slice(start, start + perRequest),
    })
    ids.push(id)
  }
  return ids
}

/** Waits until every flight's postback has arrived and is reported as delivered, then compares what came. */
export async function checkPostbacks(
  address: MeshAddress,
  receiver: Receiver,
  flights: readonly Flight[],
  postbackIds: readonly string[],
  patienceMs: number,
): Promise<PostbackResult> {
  const faults: string[] = []
  let reportedDelivered = 0
  await waitUntil(
    async () => {
      if (receiver.received().size < flights.length) return false
      reportedDelivered = await countDelivered(address, postbackIds)
      return reportedDelivered >= flights.length
    },
    { timeoutMs: patienceMs, everyMs: 250, what: 'all postbacks delivered' },
  ).catch((error: unknown) => faults.push(String(error)))
  const wrong = flights.flatMap(({ id, origin, delay }) => {
    const query = receiver.received().get(id)
    if (query === undefined) return [`${id} is missing`]
    const same = query.from === origin && query.minutes === String(delay)
    return same ? [] : [`${id} came as ${JSON.stringify(query)}`]
  })
  return {
    requested: flights.length,
    arrived: receiver.received().size,
    faults: [...faults, ...wrong],
    reportedDelivered,
  }
}

async function countDelivered(address: MeshAddress, postbackIds: readonly string[]): Promise<number> {
  const http = createMeshHttp(address)
  const postbacks = await Promise.all(postbackIds.map((id) => http.postback(id)))
  return postbacks.flatMap(({ deliveries }) => deliveries).filter(({ status }) => status === 'delivered')
    .length
}
