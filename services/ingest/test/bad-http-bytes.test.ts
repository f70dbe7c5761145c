import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { type Answer, faultOf, inject, startDoor } from './bad-input/door.ts'
import { createRandom, mutate, pick, seedOfRun } from './bad-input/random.ts'
import { goodRequests, type SentRequest } from './bad-input/requests.ts'

const seed = seedOfRun()
t.comment(`BAD_INPUT_SEED=${seed}`)
// Seconds on an idle machine; many times that on one that is shared.
t.setTimeout(300_000)
// So that the runner hears of it.
t.comment('timeout=300000')

const mutationsOverTcp = 2_000

t.test('mutated bytes of HTTP are answered in HTTP, never by a fault of ours', async (t) => {
  const door = await startDoor(t)
  await door.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = door.app.server.address() as AddressInfo
  let next = 0
  const work = async (): Promise<void> => {
    while (next < mutationsOverTcp) {
      const n = next++
      const random = createRandom(seed + 1_000_000 + n)
      const sent = mutate(toBytes(pick(goodRequests, random)), random)
      for (const answer of await exchange(port, sent)) {
        const fault = faultOf(answer)
        if (fault !== undefined)
          t.fail(`BAD_INPUT_SEED=${seed} bytes ${n}: ${fault}`, { sent: sent.toString('latin1') })
      }
    }
  }
  await Promise.all(Array.from({ length: 20 }, work))
  t.equal((await inject(door, goodRequests[0] as SentRequest)).status, 202, 'the door still works')
})

function toBytes({ method, url, headers, payload }: SentRequest): Buffer {
  const lines = Object.entries({ host: 'a', ...headers, 'content-length': String(payload.length) })
  const head = [`${method} ${url} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), '', '']
  return Buffer.concat([Buffer.from(head.join('\r\n')), payload])
}

/** All answers to bytes that are sent at once; none when the connection is closed without one. */
function exchange(port: number, sent: Buffer): Promise<Answer[]> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const pieces: Buffer[] = []
    socket.on('data', (piece) => pieces.push(piece))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(readAnswers(Buffer.concat(pieces).toString('latin1'))))
    socket.end(sent)
  })
}

function readAnswers(text: string): Answer[] {
  const answers: Answer[] = []
  for (let rest = text; rest !== ''; ) {
    const end = rest.indexOf('\r\n\r\n')
    const head = rest.slice(0, end)
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 599)
    const body = Buffer.from(rest.slice(end + 4, end + 4 + length), 'latin1').toString()
    if (status !== 100) answers.push({ status, contentType: /^content-type: *(.*)$/im.exec(head)?.[1], body })
    rest = end === -1 ? '' : rest.slice(end + 4 + length)
  }
  return answers
}
