import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { checkUrlTemplate } from '../../../ingest/src/check-url-template.ts'
import { parseProxy } from '../../src/open-tunnel.ts'
import { RenderError } from '../../src/render-template.ts'
import { renderUrl } from '../../src/render-url.ts'
import { createHostResolver } from '../../src/resolve-host.ts'
import { startNameServer } from './dns-fixture.ts'
import { startReceiver } from './helper.ts'
import { makeSender, post } from './sender-fixture.ts'
import { call, privateNames, startForbidden } from './ssrf-fixture.ts'

/** Loopback and this machine, as URLs can spell them. */
const loopback = [
  ...['127.0.0.1', '127.1', '127.0.1', '127.255.255.254', '127.0.0.1.', '2130706433', '0x7f000001', '0X7F.1'],
  ...['0x7f.0.0.1', '0177.0.0.1', '0177.1', '017700000001', '00000177.0x0.0.1', '0', '0.0.0.0', '0x0', '0.0'],
  ...['１２７.0.0.1', '127。0。0。1', '①②⑦.⓪.⓪.①', '127.0.0.%31', '%31%32%37.0.0.1', '4294967296127.0.0.1'],
  ...[
    '[::1]',
    '[::]',
    '[0:0:0:0:0:0:0:1]',
    '[0000:0000:0000:0000:0000:0000:0000:0001]',
    '[::0.0.0.1]',
    '[::1%25lo]',
  ],
  ...[
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::FFFF:7F00:0001]',
    '[0:0:0:0:0:ffff:127.0.0.1]',
    '[::127.0.0.1]',
  ],
  ...[
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
  ],
  ...[
    '[2001:0:7f00:1::]',
    '[2001:0:0:0:0:0:80ff:fffe]',
    '[fe80::1]',
    '[fe80::1%25eth0]',
    '[fc00::1]',
    '[ff02::1]',
  ],
  ...[
    'localhost',
    'LOCALHOST',
    'LocalHost.',
    'localhost.localdomain',
    'foo.localhost',
    'ｌｏｃａｌｈｏｓｔ',
    'loc%61lhost',
  ],
]
/** Networks that are nobody's business: metadata services and private ones. */
const elsewhere = [
  ...[
    '169.254.169.254',
    '0xA9FEA9FE',
    '2852039166',
    '0251.0376.0251.0376',
    '169.254.43518',
    '[::ffff:a9fe:a9fe]',
  ],
  ...['[fd00:ec2::254]', '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.100.100.200'],
]
const schemes = ['http', 'https', 'HTTP']

t.test('no spelling of a forbidden address is connected to', async (t) => {
  const forbidden = await startForbidden(t)
  const sender = makeSender(t, { networks: [] })
  const { port } = forbidden
  const urls = loopback.flatMap((host) => [
    ...schemes.map((scheme) => `${scheme}://${host}:${port}/`),
    `http://user:password@${host}:${port}/`,
    `http://public.example@${host}:${port}/`,
    `http://${host}:${port}\\@public.example/`,
    `http:\\\\${host}:${port}/`,
    `http:/${host}:${port}/`,
    `//${host}:${port}/`,
    ` http://${host}:${port}/`,
    `http://\t${host}:${port}/`,
  ])
  for (const url of [...urls, ...elsewhere.map((host) => `http://${host}/latest/meta-data/`)]) {
    const outcome = await call(sender, url)
    t.match(outcome, /^(forbidden_address|render|dns)$/, url)
    // Only what names an address may be refused as late as by the resolver.
    if (/^https?:\/\/[\d[]/.test(url)) t.not(outcome, 'dns', url)
  }
  t.equal(forbidden.connections(), 0)
})

t.test('the door refuses what a sender might read in another way', async (t) => {
  for (const url of [
    'http://u:p@a.example/',
    'ftp://a.example/',
    ' http://a.example/',
    'http:///a.example/',
  ]) {
    t.type(checkUrlTemplate(url), 'string', url)
    t.throws(() => renderUrl(url, { data: {}, defaults: {} }), RenderError, url)
  }
  const ambiguous = 'http://a.example\\@b.example/'
  t.type(checkUrlTemplate(ambiguous), 'string')
  t.equal(renderUrl(ambiguous, { data: {}, defaults: {} }).origin, 'http://a.example')
})

t.test('redirects to metadata services and to this machine are not followed', async (t) => {
  const forbidden = await startForbidden(t)
  for (const status of [301, 302, 303, 307, 308, 300, 305]) {
    const receiver = await startReceiver((_request, response) => {
      response.writeHead(status, {
        location: `http://127.0.0.2:${forbidden.port}/latest/meta-data/`,
        refresh: `0; url=http://127.0.0.2:${forbidden.port}/`,
        'alt-svc': `h2="127.0.0.2:${forbidden.port}"`,
      })
      response.end()
    })
    t.teardown(receiver.stop)
    t.equal(await call(makeSender(t, { networks: ['127.0.0.1'] }), `${receiver.origin}/`), String(status))
  }
  t.equal(forbidden.connections(), 0)
})

t.test('neither a token endpoint nor a proxy leads to a forbidden address', async (t) => {
  const forbidden = await startForbidden(t)
  const asked: string[] = []
  const proxy = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (head) => {
      asked.push(head.toString('latin1').split('\r\n')[0] ?? '')
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => proxy.close())
  const names = await startNameServer(t, privateNames)
  const resolve = createHostResolver({ timeoutMs: 500, tries: 1, atOnce: 2, servers: [names.address] })
  const through = parseProxy(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
  for (const options of [
    { networks: [], resolve },
    { networks: [], resolve, proxy: through },
  ]) {
    const sender = makeSender(t, options)
    for (const host of [...loopback.slice(0, 8), 'private.example', 'six.example']) {
      const tokenUrl = `http://${host}:${forbidden.port}/token`
      const client = { key: tokenUrl, tokenUrl, clientId: 'a', clientSecret: 'b' } as const
      const rest = { scope: undefined, audience: undefined, clientAuthentication: 'header' } as const
      const auth = { kind: 'oauth2', client: { ...client, ...rest } } as const
      const result = await sender.send(post('http://93.184.215.14', '{}', { auth }), 2_000)
      t.match(result.failure, { code: 'auth', detail: /forbidden_address/ }, tokenUrl)
      t.match(await call(sender, `http://${host}:${forbidden.port}/`), 'forbidden_address')
    }
  }
  t.same(asked, [], 'the proxy is not even asked')
  t.equal(forbidden.connections(), 0)
})

t.test('ports of other protocols are not called, and an operator may list those that are', async (t) => {
  const sender = makeSender(t)
  for (const port of [0, 22, 25, 110, 6000, 6667]) {
    t.equal(await call(sender, `http://127.0.0.1:${port}/`), 'forbidden_address', String(port))
  }
  const receiver = await startReceiver()
  t.teardown(receiver.stop)
  const listed = makeSender(t, { ports: [{ from: 443, to: 443 }] })
  t.equal(await call(listed, `${receiver.origin}/`), 'forbidden_address')
  const { port } = receiver
  t.equal(await call(makeSender(t, { ports: [{ from: port, to: port }] }), `${receiver.origin}/`), '200')
  t.equal(receiver.connections(), 1)
})

t.test('networks that an operator lists are called, and those beside them are not', async (t) => {
  const forbidden = await startForbidden(t)
  const sender = makeSender(t, { networks: ['127.0.0.5/32', '::1'] })
  t.equal(await call(sender, `http://127.0.0.5:${forbidden.port}/`), '200')
  t.equal(await call(sender, `http://[::1]:${forbidden.port}/`), '200')
  t.equal(forbidden.connections(), 2)
  for (const host of ['127.0.0.4', '127.0.0.6', '127.0.0.1', '[::ffff:127.0.0.6]', '[::]', '0.0.0.0']) {
    t.equal(await call(sender, `http://${host}:${forbidden.port}/`), 'forbidden_address', host)
  }
  t.equal(forbidden.connections(), 2)
})
