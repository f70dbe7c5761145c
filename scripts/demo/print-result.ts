import type { Comparison } from './compare-reports.ts'
import type { JourneyResult } from './flights-journey.ts'

const shownGroups = 12

/** The report as lines of text: the mesh's figures beside the file's, faults first. */
export function describeResult(result: JourneyResult): string[] {
  const disagreeing = result.byMonth.filter(({ agrees }) => !agrees)
  const largest = [...result.byMonth].sort((a, b) => (b.file?.flights ?? 0) - (a.file?.flights ?? 0))
  const shown = disagreeing.length > 0 ? disagreeing.slice(0, shownGroups) : largest.slice(0, shownGroups)
  const { postbacks } = result
  return [
    `Events: ${result.sent} acked (every tenth twice), ${result.counted} counted, ${result.flights} in the file  ${mark(result.counted === result.flights)}`,
    '',
    `Flights and mean delay (minutes) by month and origin: ${result.byMonth.length} groups compared, ${disagreeing.length} disagree; ${disagreeing.length > 0 ? 'the disagreeing' : 'the largest'}:`,
    ...table(shown),
    '',
    'The ten worst airports by mean delay:',
    ...table(result.worst),
    '',
    `Postbacks: ${postbacks.requested} requested, ${postbacks.arrived} arrived, ${postbacks.reportedDelivered} reported as delivered, ${result.refused} first answered with 500 and retried  ${mark(postbacks.faults.length === 0)}`,
    ...postbacks.faults.slice(0, 10).map((fault) => `  ${fault}`),
  ]
}

function table(comparisons: readonly Comparison[]): string[] {
  const header = `  ${'group'.padEnd(14)}${'flights: mesh'.padStart(14)}${'file'.padStart(8)}${'delay: mesh'.padStart(14)}${'file'.padStart(10)}`
  const rows = comparisons.map(({ key, mesh, file, agrees }) => {
    const flights = [mesh, file].map((figures) => String(figures?.flights ?? '-'))
    const delays = [mesh, file].map((figures) => figures?.meanDelay.toFixed(3) ?? '-')
    return `  ${key.padEnd(14)}${flights[0]?.padStart(14)}${flights[1]?.padStart(8)}${delays[0]?.padStart(14)}${delays[1]?.padStart(10)}  ${mark(agrees)}`
  })
  return [header, ...rows]
}

function mark(agrees: boolean): string {
  return agrees ? 'agrees' : 'DISAGREES'
}
