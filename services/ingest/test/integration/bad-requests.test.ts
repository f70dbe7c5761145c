import { catalogTopic, postbacksTopic } from '@millrace/proto/topics'
import t from 'tap'
import { rules, withAttribute } from '../bad-input/attribute-rules.ts'
import { createRandom, mutate, pick, seedOfRun } from '../bad-input/random.ts'
import { badRequests, goodRequests, type SentRequest, send } from '../bad-input/requests.ts'
import { freshConfig, readEvents, readTopic, startIngest, untilReady } from './running-ingest.ts'

const seed = seedOfRun()
t.comment(`BAD_INPUT_SEED=${seed}`)

/** The limits that the corpus is made for. */
const limits = { INGEST_MAX_BODY_BYTES: '10000', INGEST_MAX_EVENTS: '100', INGEST_MAX_EVENT_BYTES: '4000' }

t.test('whatever is refused leaves nothing in Kafka, and whatever is accepted is there whole', async (t) => {
  const ingest = await startIngest(t, freshConfig(limits))
  await untilReady(ingest)
  const post = ({ method, url, headers, payload }: SentRequest): Promise<Response> =>
    fetch(`http://127.0.0.1:${ingest.service.httpPort}${url}`, {
      method,
      headers,
      body: new Uint8Array(payload),
    })
  for (const [what, request] of badRequests) {
    const { status } = await post(request)
    t.ok(status >= 400 && status < 500, `${what}: ${status}`)
  }
  const good = { specversion: '1.0', id: 'good', source: '/s', type: 'a' }
  for (const { attribute, bad: [wrong] = [] } of rules) {
    if (wrong === undefined) continue
    const batch = [good, good, withAttribute(attribute, wrong), good]
    const { status } = await post(send('application/cloudevents-batch+json', batch))
    t.equal(status, 400, attribute)
  }
  t.same((await readEvents(ingest.config)).flat(), [])
  t.same((await readTopic(ingest.config, postbacksTopic.name)).flat(), [])
  t.same((await readTopic(ingest.config, catalogTopic.name, 1)).flat(), [])

  let accepted = 0
  const toEvents = goodRequests.filter(({ url }) => url === '/v1/events')
  for (let n = 0; n < 500; n += 1) {
    const random = createRandom(seed + n)
    const request = pick(toEvents, random)
    const response = await post({ ...request, payload: mutate(request.payload, random) })
    const answer = (await response.json()) as { accepted?: number }
    if (response.status >= 500) t.fail(`BAD_INPUT_SEED=${seed} request ${n}: ${response.status}`)
    accepted += answer.accepted ?? 0
  }
  t.ok(accepted > 10, `${accepted} events were accepted`)
  t.equal((await readEvents(ingest.config)).flat().length, accepted)
})
