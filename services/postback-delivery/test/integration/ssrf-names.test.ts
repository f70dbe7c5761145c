import t from 'tap'
import { createHostResolver } from '../../src/resolve-host.ts'
import { startNameServer } from './dns-fixture.ts'
import { startReceiver } from './helper.ts'
import { get, makeSender } from './sender-fixture.ts'
import { call, privateNames, startForbidden } from './ssrf-fixture.ts'

t.test('no name that resolves to a forbidden address is connected to', async (t) => {
  const forbidden = await startForbidden(t)
  const names = await startNameServer(t, privateNames)
  const resolve = createHostResolver({ timeoutMs: 500, tries: 1, atOnce: 2, servers: [names.address] })
  const sender = makeSender(t, { networks: [], resolve })
  for (const host of ['private', 'six', 'nat64', 'zero', 'metadata', 'PRIVATE']) {
    for (const url of [
      `http://${host}.example:${forbidden.port}/`,
      `https://${host}.example.:${forbidden.port}/`,
    ]) {
      t.equal(await call(sender, url), 'forbidden_address', url)
    }
  }
  t.ok(names.asked.includes('private.example'))
  t.equal(forbidden.connections(), 0)
})

t.test('of mixed answers only the allowed addresses are connected to', async (t) => {
  const forbidden = await startForbidden(t)
  const receiver = await startReceiver()
  t.teardown(receiver.stop)
  // 127.0.0.1 is in the place of a public address, the others of 127.0.0.0/8 are forbidden.
  const names = await startNameServer(t, () => ['127.0.0.2', '127.0.0.1', '::1', '127.0.0.3'])
  const resolve = createHostResolver({ timeoutMs: 500, tries: 1, atOnce: 2, servers: [names.address] })
  const sender = makeSender(t, { networks: ['127.0.0.1'], resolve })
  t.equal(await call(sender, `http://mixed.example:${receiver.port}/`), '200')
  const { failure } = await sender.send(get(`https://mixed.example:${receiver.port}`), 3_000)
  t.equal(failure?.code, 'tls')
  t.ok(receiver.connections() >= 2)
  const other = makeSender(t, { networks: ['127.0.0.9'], resolve })
  t.equal(await call(other, `http://mixed.example:${forbidden.port}/`), 'forbidden_address')
  t.equal(forbidden.connections(), 0)
})

t.test('a name that changes between check and connect goes nowhere else', async (t) => {
  const receiver = await startReceiver((_request, response) => {
    response.setHeader('connection', 'close')
    response.end('ok')
  })
  t.teardown(receiver.stop)
  const forbidden = await startForbidden(t, { host: '127.0.0.2', port: receiver.port })
  let turn = 0
  // Every other answer is forbidden, and none may be kept: as rebinding name servers do.
  const names = await startNameServer(t, (_name, asked) => {
    if (asked === 'AAAA') return []
    turn += 1
    return [turn % 2 === 1 ? '127.0.0.1' : '127.0.0.2']
  })
  const resolve = createHostResolver({ timeoutMs: 500, tries: 1, atOnce: 2, servers: [names.address] })
  const sender = makeSender(t, { networks: ['127.0.0.1'], resolve })
  const outcomes: string[] = []
  for (let n = 0; n < 6; n += 1)
    outcomes.push(await call(sender, `http://rebinding.example:${receiver.port}/`))
  t.same(outcomes, ['200', 'forbidden_address', '200', 'forbidden_address', '200', 'forbidden_address'])
  t.equal(forbidden.connections(), 0)
})
