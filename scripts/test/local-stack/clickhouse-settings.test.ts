import t from 'tap'
import { clickHouseConfiguration } from '../../local-stack/clickhouse-settings.ts'

const options = { path: '/data', ports: { http: 8123, tcp: 9000 }, maxServerMemoryBytes: 1024 }

t.test('the server listens on the loopback address only, within its memory', async (t) => {
  const xml = clickHouseConfiguration(options)
  t.match(xml, '<listen_host>127.0.0.1</listen_host>')
  t.match(xml, '<http_port>8123</http_port>')
  t.match(xml, '<tcp_port>9000</tcp_port>')
  t.match(xml, '<max_server_memory_usage>1024</max_server_memory_usage>')
})

t.test('a path may hold what XML reserves', async (t) => {
  t.match(clickHouseConfiguration({ ...options, path: '/a & <b>' }), '<path>/a &amp; &lt;b&gt;</path>')
})
