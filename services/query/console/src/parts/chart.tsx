import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { formatNumber, formatShort } from '../format.ts'
import { themeChanged } from '../theme.ts'
import type { ChartData } from './chart-data.ts'

interface ChartProps {
  readonly data: ChartData
  readonly kind: 'line' | 'bars'
  /** What the picture shows, for who cannot see it; the numbers are in a table beside it. */
  readonly label: string
  readonly formatTime: (seconds: number, span: number) => string
  /** Text about the place under the pointer, '' when there is none. */
  readonly onReadout?: (text: string) => void
  readonly note?: string
  readonly low?: boolean
}

/** Values over time on a canvas, in the page's colours. */
export function Chart({ data, kind, label, formatTime, onReadout, note, low }: ChartProps) {
  const holder = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const current = useRef(data)
  current.current = data
  const shape = `${kind} ${data.series.map((it) => it.label).join('\n')}`
  // Built anew for another shape, not for other values.
  useEffect(() => {
    const element = holder.current
    if (element === null) return
    const build = () => {
      plot.current?.destroy()
      plot.current = new uPlot(
        createOptions(element, current.current, kind, formatTime, onReadout),
        toPlot(current.current),
        element,
      )
    }
    build()
    const observer = new ResizeObserver(() => plot.current?.setSize(sizeOf(element)))
    observer.observe(element)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', build)
    addEventListener(themeChanged, build)
    return () => {
      observer.disconnect()
      dark.removeEventListener('change', build)
      removeEventListener(themeChanged, build)
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [shape])
  useEffect(() => plot.current?.setData(toPlot(data)), [data])
  return (
    <div class={low ? 'chart low' : 'chart'}>
      <div ref={holder} role="img" aria-label={label} style={{ height: '100%' }} />
      {note !== undefined && <p class="chart-note">{note}</p>}
    </div>
  )
}

function toPlot({ times, series }: ChartData): uPlot.AlignedData {
  return [times, ...series.map(({ values }) => values)] as unknown as uPlot.AlignedData
}

function sizeOf(element: HTMLElement): { width: number; height: number } {
  return { width: Math.max(160, element.clientWidth), height: Math.max(120, element.clientHeight) }
}

function createOptions(
  element: HTMLElement,
  { series }: ChartData,
  kind: 'line' | 'bars',
  formatTime: ChartProps['formatTime'],
  onReadout: ChartProps['onReadout'],
): uPlot.Options {
  const colour = (name: string) => resolveColour(element, `var(${name})`)
  const axis = {
    stroke: colour('--muted'),
    font: `11px ${getComputedStyle(element).fontFamily}`,
    ticks: { show: false },
    border: { show: false },
  }
  const spanOf = (plot: uPlot) => (plot.scales.x?.max ?? 0) - (plot.scales.x?.min ?? 0)
  const draw =
    kind === 'bars' && uPlot.paths.bars ? { paths: uPlot.paths.bars({ size: [0.72, 64], radius: 0.12 }) } : {}
  return {
    ...sizeOf(element),
    padding: [10, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { time: false, range: (_plot, min, max) => rangeOfTimes(min, max, kind) },
      y: { range: (_plot, min, max) => rangeOfValues(min, max) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        space: 84,
        incrs: increments,
        values: (plot, splits) => splits.map((at) => formatTime(at, spanOf(plot))),
      },
      {
        ...axis,
        grid: { stroke: colour('--line'), width: 1 },
        space: 40,
        size: (_plot, values) => 12 + Math.max(20, ...(values ?? []).map((text) => text.length * 6.5)),
        values: (_plot, splits) => splits.map((value) => formatShort(value)),
      },
    ],
    series: [
      {},
      ...series.map(({ label }, index) => {
        const stroke = colour(`--series-${Math.min(index, 6) + 1}`)
        return {
          label,
          stroke,
          width: kind === 'bars' ? 0 : 1.75,
          spanGaps: true,
          points: { show: false },
          ...draw,
          ...(series.length === 1 && { fill: kind === 'bars' ? stroke : (it: uPlot) => fade(it, stroke) }),
        }
      }),
    ],
    hooks: { setCursor: [(plot) => onReadout?.(describeCursor(plot, formatTime, spanOf(plot)))] },
  }
}

const minute = 60
const day = 86_400
const increments = [
  1,
  5,
  10,
  30,
  minute,
  120,
  300,
  600,
  1_800,
  3_600,
  7_200,
  21_600,
  43_200,
  day,
  2 * day,
  7 * day,
].concat([14 * day, 30 * day, 90 * day, 365 * day])

/** Bars need room at both ends. */
function rangeOfTimes(min: number | null, max: number | null, kind: 'line' | 'bars'): [number, number] {
  if (min === null || max === null) return [0, 1]
  if (min === max) return [min - 3_600, max + 3_600]
  const edge = kind === 'bars' ? (max - min) * 0.03 : 0
  return [min - edge, max + edge]
}

/** From zero, with head room, and never a flat line at the very top of an empty chart. */
function rangeOfValues(min: number | null, max: number | null): [number, number] {
  const low = Math.min(0, min ?? 0)
  const high = Math.max(0, max ?? 0)
  return low === 0 && high === 0 ? [0, 4] : [low * 1.12, high * 1.12]
}

function describeCursor(plot: uPlot, formatTime: ChartProps['formatTime'], span: number): string {
  const { idx } = plot.cursor
  if (idx === null || idx === undefined) return ''
  const values = plot.series.slice(1).flatMap(({ label }, index) => {
    const value = plot.data[index + 1]?.[idx]
    if (value === null || value === undefined) return []
    return [`${plot.series.length > 2 ? `${label} ` : ''}${formatNumber(value)}`]
  })
  return values.length === 0 ? '' : `${formatTime(plot.data[0][idx] ?? 0, span)}  ${values.join(' · ')}`
}

/** What a canvas can paint: light-dark() and variables are resolved by the page. */
function resolveColour(element: HTMLElement, value: string): string {
  const probe = document.createElement('span')
  probe.style.color = value
  element.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

function fade(plot: uPlot, colour: string): CanvasGradient | string {
  const { top, height } = plot.bbox
  if (!Number.isFinite(top + height) || height <= 0) return 'transparent'
  const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height)
  gradient.addColorStop(0, colour.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.26)'))
  gradient.addColorStop(1, colour.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.02)'))
  return gradient
}
