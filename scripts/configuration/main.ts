// Writes docs/configuration.md out of the services' own settings. With --check nothing is written, and it fails when
// the committed file is not what would be.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { describeConfiguration, type ServiceSettings } from './describe-configuration.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const root = join(import.meta.dirname, '../..')
const file = join(root, 'docs/configuration.md')
const names = ['ingest', 'aggregator', 'postback-delivery', 'query'] as const

const services: ServiceSettings[] = []
for (const name of names) {
  const { settings } = await import(pathToFileURL(join(root, `services/${name}/src/config.ts`)).href)
  services.push({ name, settings })
}
const text = describeConfiguration(services)
if (readFileSync(file, { encoding: 'utf8', flag: 'a+' }) !== text) {
  if (values.check) {
    console.error('docs/configuration.md is stale: make api')
    process.exitCode = 1
  } else {
    writeFileSync(file, text)
    console.log('docs/configuration.md written')
  }
}
