import type { Fault } from '@millrace/service-kit/errors'
import type { ReportParameters } from './parse-report-parameters.ts'
import { reportLimits } from './report-limits.ts'
import type { ReportMeter, ReportQuery } from './report-query.ts'

/** Adds to the faults what is wrong. */
export function readFilter(
  { filter = {} }: ReportParameters,
  meter: ReportMeter,
  faults: Fault[],
): ReportQuery['filter'] {
  const entries = Object.entries(filter).map(([dimension, values]) => ({ dimension, values }))
  for (const { dimension, values } of entries) {
    const pointer = `/filter.${dimension}`
    if (!meter.dimensions.includes(dimension)) {
      faults.push({
        pointer,
        detail: `filter names a dimension that is not known. ${describeDimensions(meter)}`,
      })
    } else if (values.length === 0) {
      faults.push({ pointer, detail: `filter.${dimension} has no value to look for.` })
    }
  }
  const all = entries.flatMap(({ values }) => values)
  if (all.some((value) => value.length > reportLimits.maxValueCharacters)) {
    const detail = `A value to filter by has at most ${reportLimits.maxValueCharacters} characters.`
    faults.push({ pointer: '/filter', detail })
  }
  const characters = all.reduce((sum, value) => sum + value.length, 0)
  if (all.length > reportLimits.maxFilterValues || characters > reportLimits.maxFilterCharacters) {
    const detail = `Filters take at most ${reportLimits.maxFilterValues} values of ${reportLimits.maxFilterCharacters} characters in all.`
    faults.push({ pointer: '/filter', detail })
  }
  return entries
}

export function describeDimensions({ name, dimensions }: ReportMeter): string {
  return dimensions.length === 0
    ? `The meter ${name} has no dimensions.`
    : `The meter ${name} has ${dimensions.join(', ')}.`
}
