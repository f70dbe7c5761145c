import { formatClock, formatClockMinutes, formatNumber } from './format.js'
import uPlot from './uplot.js'

/**
 * Values by second over a moving span. Colours follow the page's.
 * @param onReadout text about the second under the pointer, or '' when there is none
 */
export function createChart(container, onReadout) {
  let plot
  let data = [[], []]
  let range = [0, 1]
  const dark = matchMedia('(prefers-color-scheme: dark)')

  const build = () => {
    plot?.destroy()
    plot = new uPlot(
      options(container, () => range, onReadout),
      data,
      container,
    )
  }
  const resize = () => plot?.setSize(sizeOf(container))
  new ResizeObserver(resize).observe(container)
  dark.addEventListener('change', build)
  build()
  return {
    /** @param points [seconds, values], both ascending in time; @param span [from, to] in seconds */
    show(points, span) {
      data = points
      range = span
      plot.batch(() => {
        plot.setData(points, false)
        plot.setScale('x', { min: span[0], max: span[1] })
        plot.setScale('y', yRange(points[1]))
      })
    },
  }
}

function sizeOf(container) {
  return { width: Math.max(200, container.clientWidth), height: Math.max(120, container.clientHeight) }
}

function yRange(values) {
  let min = 0
  let max = 0
  for (const value of values) {
    if (value === null) continue
    if (value < min) min = value
    if (value > max) max = value
  }
  // Head room, and never a flat line at the very top of an empty chart.
  if (max === 0 && min === 0) return { min: 0, max: 4 }
  return { min: min * 1.15, max: max * 1.15 }
}

function options(container, getRange, onReadout) {
  const styles = getComputedStyle(container)
  const colour = (name) => resolveColour(container, `var(${name})`)
  const accent = colour('--accent')
  const font = `12px ${styles.fontFamily}`
  const axis = {
    stroke: colour('--muted'),
    font,
    ticks: { show: false },
    border: { show: false },
  }
  return {
    ...sizeOf(container),
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7, fill: accent } },
    scales: {
      x: { time: false, range: () => getRange() },
      y: { range: (_plot, min, max) => [min ?? 0, max ?? 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 30,
        space: 90,
        incrs: [10, 30, 60, 120, 300, 600, 900],
        values: (_plot, seconds) =>
          seconds.map((at) => (at % 60 === 0 ? formatClockMinutes(at * 1_000) : formatClock(at * 1_000))),
      },
      {
        ...axis,
        grid: { stroke: colour('--line'), width: 1 },
        space: 44,
        size: (_plot, values) => 14 + Math.max(24, ...(values ?? []).map((text) => text.length * 7)),
        values: (_plot, numbers) => numbers.map((number) => formatNumber(number)),
      },
    ],
    series: [
      {},
      {
        stroke: accent,
        width: 2,
        fill: (plot) => fade(plot, accent),
        points: { show: false },
        spanGaps: true,
      },
    ],
    hooks: {
      setCursor: [
        (plot) => {
          const index = plot.cursor.idx
          const value = index === null || index === undefined ? null : plot.data[1][index]
          onReadout(
            value === null || value === undefined
              ? ''
              : `${formatClock(plot.data[0][index] * 1_000)}  ${formatNumber(value)}`,
          )
        },
      ],
    },
  }
}

/** What a canvas can paint: light-dark() and variables are resolved by the page. */
function resolveColour(container, value) {
  const probe = document.createElement('span')
  probe.style.color = value
  container.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

function fade(plot, colour) {
  const { top, height } = plot.bbox
  if (!Number.isFinite(top + height) || height <= 0) return 'transparent'
  const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height)
  gradient.addColorStop(0, colour.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.28)'))
  gradient.addColorStop(1, colour.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.02)'))
  return gradient
}
