import t from 'tap'
import { rules, withAttribute } from './bad-input/attribute-rules.ts'
import { type Answer, acceptedBy, type DoorUnderTest, faultOf, inject, startDoor } from './bad-input/door.ts'
import { createRandom, mutate, pick, type Random, seedOfRun } from './bad-input/random.ts'
import { badRequests, goodRequests, type SentRequest, send } from './bad-input/requests.ts'

const seed = seedOfRun()
t.comment(`BAD_INPUT_SEED=${seed}`)
// Seconds on an idle machine; many times that on one that is shared.
t.setTimeout(300_000)
// So that the runner hears of it.
t.comment('timeout=300000')

t.test('the good requests are good', async (t) => {
  const door = await startDoor(t)
  for (const request of goodRequests) {
    const before = acceptedBy(door)
    const answer = await inject(door, request)
    t.match(answer.status, /^20\d$/, `${request.method} ${request.url} ${answer.body}`)
    t.ok(acceptedBy(door) > before)
  }
})

t.test('each bad request is a problem document, and nothing of it is accepted', async (t) => {
  const door = await startDoor(t)
  for (const [what, request] of badRequests) {
    const answer = await inject(door, request)
    t.match(answer.status, /^4\d\d$/, what)
    t.equal(faultOf(answer), undefined, what)
    t.equal(acceptedBy(door), 0, what)
  }
})

t.test('one wrong attribute refuses its whole batch, and is named', async (t) => {
  const door = await startDoor(t)
  const good = { specversion: '1.0', id: 'good', source: '/s', type: 'a' }
  let tried = 0
  for (const { attribute, bad = [] } of rules) {
    for (const value of bad) {
      tried += 1
      const batch = [good, good, withAttribute(attribute, value), good]
      const answer = await inject(door, send('application/cloudevents-batch+json', batch))
      const { errors = [] } = JSON.parse(answer.body) as { errors?: { index: number; pointer: string }[] }
      const told = `${answer.status} ${errors.map(({ index, pointer }) => `${index}${pointer}`)}`
      if (told !== `400 2/${attribute}`) t.equal(told, `400 2/${attribute}`, JSON.stringify(value))
    }
  }
  t.ok(tried > 150, `${tried} wrong values`)
  t.equal(acceptedBy(door), 0)
})

t.test('mutated requests are accepted whole or refused, never a fault of ours', async (t) => {
  const door = await startDoor(t)
  let refused = 0
  for (let n = 0; n < mutationsInjected; n += 1) {
    const random = createRandom(seed + n)
    const request = mutateRequest(pick(goodRequests, random), random)
    const before = door.appended.length
    const all = acceptedBy(door)
    const answer = await inject(door, request)
    const fault = faultOf(answer) ?? halfAccepted(door, answer, before, all)
    if (fault !== undefined)
      t.fail(`BAD_INPUT_SEED=${seed} request ${n}: ${fault}`, { request: show(request) })
    if (answer.status >= 400) refused += 1
  }
  t.ok(refused > mutationsInjected / 2, `${refused} of ${mutationsInjected} were refused`)
})

// With those of bad-http-bytes and bad-grpc-requests 10,000 in all.
const mutationsInjected = 7_000

function halfAccepted(door: DoorUnderTest, answer: Answer, before: number, all: number): string | undefined {
  if (answer.status >= 400)
    return acceptedBy(door) === all ? undefined : 'refused, but something was accepted'
  const { accepted } = JSON.parse(answer.body) as { accepted?: number }
  if (accepted === undefined) return undefined
  const found = door.appended.length - before
  return found === accepted ? undefined : `${accepted} told as accepted, ${found} were`
}

/** The body mostly, else a header's value or the address. */
function mutateRequest(request: SentRequest, random: Random): SentRequest {
  const where = random()
  if (where < 0.7) return { ...request, payload: mutate(request.payload, random) }
  const asText = (text: string): string => mutate(Buffer.from(text), random).toString('latin1')
  if (where > 0.9) {
    const [path, query = ''] = request.url.split('?')
    // What is no address at all is for the bytes of HTTP.
    return {
      ...request,
      url: `${path}${encodeURI(asText(query)).replaceAll('%', () => pick(['%', '%25'], random))}?${query}`,
    }
  }
  const name = pick(
    Object.keys(request.headers).filter((header) => header !== 'authorization'),
    random,
  )
  const value = asText(request.headers[name] ?? '').replaceAll(/[\0\r\n]/g, ' ')
  return { ...request, headers: { ...request.headers, [name]: value } }
}

const show = ({ payload, ...request }: SentRequest): object => ({
  ...request,
  payload: payload.toString('latin1').slice(0, 2_000),
})
