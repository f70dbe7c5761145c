// Writes what the stand-in for ClickHouse's image needs beside the server: node describe-clickhouse.ts DIRECTORY
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { clickHouseConfiguration } from '../local-stack/clickhouse-settings.ts'

const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('usage: DIRECTORY')
const maxServerMemoryBytes = 3 * 1024 ** 3

const configuration = clickHouseConfiguration({
  path: '/var/lib/clickhouse',
  ports: { http: 8123, tcp: 9000 },
  maxServerMemoryBytes,
}).replace('<listen_host>127.0.0.1<', '<listen_host>0.0.0.0<')
writeFileSync(join(directory, 'configuration.xml'), configuration)

const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
  dependencies: Record<string, string>
}
const engine = { chdb: dependencies.chdb, 'ffi-rs': dependencies['ffi-rs'] }
writeFileSync(
  join(directory, 'package.json'),
  JSON.stringify({ private: true, type: 'module', dependencies: engine }),
)
