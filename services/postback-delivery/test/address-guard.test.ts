import { readConfig } from '@millrace/service-kit/config'
import t from 'tap'
import { createAddressGuard, type Network, parseNetwork, type ResolveHost } from '../src/address-guard.ts'
import { settings } from '../src/config.ts'
import { createConnectionOpener } from '../src/open-connection.ts'

const nobody: ResolveHost = async (host) => {
  throw new Error(`${host} should not have been asked for`)
}
const makeGuard = (networks: readonly string[] = [], resolve = nobody) =>
  createAddressGuard({ resolve }, { allowedNetworks: networks.map((text) => parseNetwork(text) as Network) })

/** What a connection to a URL ends with; no network is touched as long as it is refused. */
function connect(guard: ReturnType<typeof makeGuard>, url: string): Promise<Error | null> {
  const { hostname, host, protocol, port } = new URL(url)
  const open = createConnectionOpener({ guard }, { connectTimeoutMs: 1_000 }).with(undefined, true)
  return new Promise((resolve) => {
    open({ hostname, host, protocol, port }, (error, socket) => {
      socket?.destroy()
      resolve(error)
    })
  })
}

const forbidden = [
  ['unspecified', '0.0.0.0', '0.1.2.3', '::'],
  ['private', '10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
  ['link-local and metadata', '169.254.0.1', '169.254.169.254', 'fe80::1', 'febf::1', 'fe80::1%eth0'],
  ['carrier-grade NAT', '100.64.0.1', '100.127.255.255'],
  ['multicast and broadcast', '224.0.0.1', '239.255.255.255', '255.255.255.255', '240.0.0.1', 'ff02::1'],
  ['documentation and benchmarks', '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '2001:db8::1'],
  ['unique local and site-local', 'fc00::1', 'fdff::1', 'fec0::1'],
  [
    'IPv4-mapped',
    '::ffff:10.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:8.8.8.8',
    '::ffff:0:8.8.8.8',
  ],
  ['IPv4-compatible', '::127.0.0.1', '::8.8.8.8'],
  ['NAT64', '64:ff9b::7f00:1', '64:ff9b::8.8.8.8', '64:ff9b:1::1'],
  ['6to4', '2002:7f00:1::', '2002:a00:1::1', '192.88.99.1'],
  ['Teredo', '2001::1', '2001:0:ffff::1'],
  ['discard and others', '100::1', '5f00::1', '3fff::1', '192.0.0.1'],
  ['no address at all', '', 'localhost', '127.1', '1.2.3'],
] as const
for (const [kind, ...addresses] of forbidden) {
  t.test(`addresses that are ${kind} are refused`, async (t) => {
    const guard = makeGuard()
    for (const address of addresses) t.notOk(guard.isAllowed(address), JSON.stringify(address))
  })
}

t.test('public addresses are allowed', async (t) => {
  const guard = makeGuard()
  for (const address of [
    '8.8.8.8',
    '93.184.215.14',
    '172.32.0.1',
    '100.128.0.1',
    '223.255.255.255',
    '2606:4700::1',
  ]) {
    t.ok(guard.isAllowed(address), address)
  }
})

t.test('networks that an operator lists are allowed, and no others', async (t) => {
  const guard = makeGuard(['127.0.0.0/8', 'fd00:1::/32', '10.1.2.3'])
  for (const address of ['127.0.0.1', 'fd00:1::5', '10.1.2.3', '::ffff:127.0.0.1']) {
    t.ok(guard.isAllowed(address), address)
  }
  for (const address of ['10.1.2.4', '::1', 'fd00:2::5']) t.notOk(guard.isAllowed(address), address)
})

t.test('an address in a URL is refused in every spelling, without a lookup or a connection', async (t) => {
  const guard = makeGuard()
  for (const host of [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '017700000001',
    '127.0.0.1.',
    '１２７.0.0.1',
    '0',
    '[::1]',
    '[::]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[64:ff9b::169.254.169.254]',
    '169.254.169.254',
    '[fd00:ec2::254]',
  ]) {
    t.match(await connect(guard, `http://${host}:8081/`), { code: 'forbidden_address' }, host)
    t.match(await connect(guard, `https://${host}:8444/`), { code: 'forbidden_address' }, `${host} over TLS`)
  }
})

t.test('a name is refused when none of its addresses is allowed', async (t) => {
  const asked: string[] = []
  const guard = makeGuard([], async (host) => {
    asked.push(host)
    return [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]
  })
  const refused = { code: 'forbidden_address', mayChange: true }
  t.match(await connect(guard, 'http://rebound.example:8081/'), refused)
  t.match(await connect(guard, 'https://rebound.example:8444/'), refused)
  t.same(asked, ['rebound.example', 'rebound.example'], 'it is looked up once per connection')
  t.match(
    await connect(guard, 'http://localhost:8081/'),
    { ...refused, mayChange: false },
    'this machine’s own name',
  )
})

t.test('networks are read as CIDR or as one address', async (t) => {
  t.same(parseNetwork('10.0.0.0/8'), { address: '10.0.0.0', prefixLength: 8, family: 'ipv4' })
  t.same(parseNetwork('::1'), { address: '::1', prefixLength: 128, family: 'ipv6' })
  for (const text of [
    '',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    'localhost',
    'fe80::%1/8',
  ]) {
    t.equal(parseNetwork(text), undefined, text)
  }
})

t.test('a faulty network is a fault of the configuration', async (t) => {
  const environment = {
    MILLRACE_ROOT_KEY: 'sixteen characters',
    POSTBACK_ALLOWED_NETWORKS: '127.0.0.0/8, nonsense',
  }
  t.throws(() => readConfig(settings, environment), /POSTBACK_ALLOWED_NETWORKS.*nonsense is not a network/)
})
