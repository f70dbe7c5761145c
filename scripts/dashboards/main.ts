// Writes the chart's dashboards out of their short descriptions. With --check nothing is written, and it fails when
// the committed files are not what would be.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dashboards } from './dashboards.ts'
import { toGrafana } from './to-grafana.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const directory = join(import.meta.dirname, '../../charts/millrace/files/dashboards')

mkdirSync(directory, { recursive: true })
for (const dashboard of dashboards) {
  const file = join(directory, `${dashboard.name}.json`)
  const text = `${JSON.stringify(toGrafana(dashboard), null, 2)}\n`
  if (readFileSync(file, { encoding: 'utf8', flag: 'a+' }) === text) continue
  if (values.check) process.exitCode = 1
  else writeFileSync(file, text)
  console.log(`${dashboard.name}.json ${values.check ? 'is stale: make api' : 'written'}`)
}
