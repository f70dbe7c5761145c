export interface Dashboard {
  /** Of its file. */
  readonly name: string
  readonly title: string
  /** What it is for, and what to look at first. */
  readonly description: string
  readonly rows: readonly Row[]
}

export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

export interface Panel {
  readonly title: string
  /** What it means, and what is normal. */
  readonly description: string
  /** Grafana's name of a unit: short, s, percentunit, bytes, reqps, cps. */
  readonly unit: string
  /** A single figure, or lines over time. */
  readonly kind?: 'stat' | 'lines'
  /** From which value on it is yellow, and red. */
  readonly thresholds?: readonly [warning: number, critical: number]
  readonly queries: readonly Query[]
}

export interface Query {
  readonly expr: string
  readonly legend: string
}

const columns = 24
const heights = { stat: 4, lines: 8 } as const
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own placeholder
const datasource = { type: 'prometheus', uid: '${datasource}' }

/** The dashboard as Grafana imports it. */
export function toGrafana(dashboard: Dashboard): object {
  let id = 0
  let y = 0
  const panels: object[] = []
  for (const row of dashboard.rows) {
    id += 1
    panels.push({
      id,
      type: 'row',
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y, w: columns, h: 1 },
    })
    y += 1
    for (const line of linesOf(row.panels)) {
      const w = Math.floor(columns / line.length)
      const h = heights[line[0]?.kind ?? 'lines']
      for (const [index, panel] of line.entries()) {
        id += 1
        panels.push({ id, ...toPanel(panel), gridPos: { x: index * w, y, w, h } })
      }
      y += h
    }
  }
  return {
    uid: `millrace-${dashboard.name}`,
    title: dashboard.title,
    description: dashboard.description,
    tags: ['millrace'],
    schemaVersion: 41,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    links: [
      {
        type: 'dashboards',
        tags: ['millrace'],
        asDropdown: true,
        title: 'Millrace',
        includeVars: true,
        keepTime: true,
      },
    ],
    templating: {
      list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus' }],
    },
    panels,
  }
}

/** Up to eight figures, or up to three charts, beside each other. */
function linesOf(panels: readonly Panel[]): Panel[][] {
  const lines: Panel[][] = []
  for (const panel of panels) {
    const last = lines.at(-1)
    const most = panel.kind === 'stat' ? 8 : 3
    if (last !== undefined && last[0]?.kind === panel.kind && last.length < most) last.push(panel)
    else lines.push([panel])
  }
  return lines
}

function toPanel(panel: Panel): object {
  const { title, description, unit, kind = 'lines', thresholds, queries } = panel
  return {
    type: kind === 'stat' ? 'stat' : 'timeseries',
    title,
    description,
    datasource,
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource,
      expr,
      legendFormat: legend,
    })),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        thresholds: { mode: 'absolute', steps: stepsOf(thresholds) },
        color: { mode: kind === 'stat' ? 'thresholds' : 'palette-classic' },
        ...(kind === 'lines' && {
          custom: {
            drawStyle: 'line',
            lineWidth: 1,
            fillOpacity: 8,
            showPoints: 'never',
            thresholdsStyle: { mode: thresholds === undefined ? 'off' : 'dashed' },
          },
        }),
      },
      overrides: [],
    },
    options:
      kind === 'stat'
        ? {
            reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
            graphMode: 'area',
            colorMode: 'value',
          }
        : { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
  }
}

function stepsOf(thresholds: Panel['thresholds']): object[] {
  const base = { color: 'green', value: null }
  if (thresholds === undefined) return [base]
  return [base, { color: 'yellow', value: thresholds[0] }, { color: 'red', value: thresholds[1] }]
}
