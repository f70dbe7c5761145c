import type { Setting, Settings } from '@millrace/service-kit/config'

export interface ServiceSettings {
  readonly name: string
  readonly settings: Settings
}

interface Row {
  readonly setting: Setting<unknown>
  readonly services: string[]
}

/** The page of all settings: those that several services have, then each service's own. */
export function describeConfiguration(services: readonly ServiceSettings[]): string {
  const rows = new Map<string, Row>()
  for (const { name, settings } of services) {
    for (const setting of Object.values(settings)) {
      // Doors are shared, but each service has its own port.
      const key = `${setting.env} ${defaultOf(setting)}`
      const row = rows.get(key)
      if (row === undefined) rows.set(key, { setting, services: [name] })
      else row.services.push(name)
    }
  }
  const all = [...rows.values()]
  const shared = all.filter((row) => row.services.length > 1)
  return `${[
    '# Configuration',
    '',
    'Services read their environment once, at the start; all faults are reported at once, and the process exits 1. An empty',
    'variable counts as absent. This page is written by `make api` from the settings themselves.',
    '',
    '## Shared',
    '',
    ...table(shared, services.length),
    ...services.flatMap(({ name }) => {
      const own = all.filter((row) => row.services.length === 1 && row.services[0] === name)
      return ['', `## ${name}`, '', ...table(own, 1)]
    }),
  ].join('\n')}\n`
}

function table(rows: readonly Row[], everybody: number): string[] {
  return [
    '| variable | default | |',
    '|---|---|---|',
    ...rows.map(({ setting, services }) => {
      const who = services.length < everybody ? ` (${services.join(', ')})` : ''
      const secret = setting.secret ? '; never printed' : ''
      const needs = setting.needs === undefined ? '' : `; needs \`${setting.needs}\``
      return `| \`${setting.env}\` | ${defaultOf(setting)} | ${cell(setting.help)}${secret}${needs}${who} |`
    }),
  ]
}

function defaultOf({ schema }: Setting<unknown>): string {
  const result = schema.safeParse(undefined)
  if (!result.success) return 'required'
  const value = result.data
  if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return ''
  return `\`${Array.isArray(value) ? value.join(',') : String(value)}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
