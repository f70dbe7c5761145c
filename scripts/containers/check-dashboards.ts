// Asks a running mesh's Prometheus every query of every dashboard: a metric that nobody has is a fault; a query without
// data is named, for some things have not happened there yet, and a fault only where --complete says that all has.
//   node scripts/containers/check-dashboards.ts --prometheus http://127.0.0.1:9090 [--complete]
import { parseArgs } from 'node:util'
import { dashboards } from '../dashboards/dashboards.ts'

const { values } = parseArgs({
  options: {
    prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
    complete: { type: 'boolean', default: false },
  },
})

async function ask(path: string, parameters: Record<string, string>): Promise<unknown> {
  const response = await fetch(`${values.prometheus}/api/v1/${path}?${new URLSearchParams(parameters)}`)
  const answer = (await response.json()) as { status: string; error?: string; data: unknown }
  if (answer.status !== 'success') throw new Error(`${parameters.query}: ${answer.error}`)
  return answer.data
}

// What services declare, also where nothing was counted yet.
const known = new Set(Object.keys((await ask('metadata', {})) as object))
let unknown = 0
let empty = 0
let answered = 0
for (const dashboard of dashboards) {
  for (const panel of dashboard.rows.flatMap(({ panels }) => panels)) {
    for (const { expr } of panel.queries) {
      const missing = [...expr.matchAll(/\b(?:millrace|process|nodejs)_\w+/g)].filter(
        ([name]) => !known.has(name) && !known.has(name.replace(/_(bucket|count|sum)$/, '')),
      )
      for (const [name] of missing)
        console.log(`not ok ${dashboard.name}, ${panel.title}: nobody has ${name}`)
      unknown += missing.length
      const query = expr.replaceAll('$__rate_interval', '1m')
      const { result } = (await ask('query', { query })) as { result: unknown[] }
      if (result.length > 0) answered += 1
      else if (missing.length === 0) {
        empty += 1
        console.log(`empty  ${dashboard.name}, ${panel.title}: ${expr}`)
      }
    }
  }
}
console.log(`${answered} queries answered, ${empty} without data, ${unknown} metrics that nobody has`)
process.exitCode = unknown > 0 || (values.complete && empty > 0) ? 1 : 0
