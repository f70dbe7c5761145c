import { relative } from 'node:path'
import type { ProcessStatus } from './managed-process.ts'
import { planPorts } from './port-plan.ts'
import type { StackState } from './state-folder.ts'

/** What `make up` ends with. */
export function describeWhereToLook(state: StackState, rootKeyFile: string): string {
  const { services, clickhouse, kafka } = planPorts(state.brokers, state.portOffset)
  const runs = (name: string) => state.processes.some((it) => it.name === name)
  const key =
    state.rootKeyFrom === 'environment' ? 'MILLRACE_ROOT_KEY, as given' : relative(process.cwd(), rootKeyFile)
  const lines: [string, string, boolean][] = [
    ['Console', `http://127.0.0.1:${services.query.http}/`, runs('query')],
    ['Send to', `http://127.0.0.1:${services.ingest.http}/v1/events (docs: /docs)`, runs('ingest')],
    ['Read from', `http://127.0.0.1:${services.query.http}/v1/reports (docs: /docs)`, runs('query')],
    ['Kafka', kafka.map(({ client }) => `127.0.0.1:${client}`).join(','), runs('kafka-1')],
    ['ClickHouse', `http://127.0.0.1:${clickhouse.http}/play`, runs('clickhouse')],
    ['Root key', `${key} (make status shows it)`, true],
    ['And then', 'make status · make logs [SERVICE=ingest] · make down', true],
  ]
  return lines
    .filter(([, , shown]) => shown)
    .map(([title, text]) => `${title.padEnd(11)}${text}`)
    .join('\n')
}

const COLUMNS = ['PROCESS', 'PID', 'STATE', 'UPTIME', 'RESTARTS', 'LAST EXIT', 'ADDRESS']

export function describeProcesses(processes: ProcessStatus[], now: number): string {
  const rows = processes.map((it) => [
    it.name,
    it.pid === null ? '-' : String(it.pid),
    it.state,
    it.startedAt === null ? '-' : describeDuration(now - it.startedAt),
    String(it.restarts),
    it.lastExit ?? '-',
    it.address,
  ])
  const widths = COLUMNS.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)),
  )
  const line = (row: string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()
  return [COLUMNS, ...rows].map(line).join('\n')
}

export function describeDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`
  return `${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m`
}
