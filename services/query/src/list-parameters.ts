import { type Fault, ServiceError } from '@millrace/service-kit/errors'
import { Type } from 'typebox'
import { type Microseconds, parseTime } from './time.ts'

export const listLimits = { defaultItems: 50, maxItems: 500 } as const

/** Parameters that every list takes. */
export const listParameters = {
  from: Type.Optional(Type.String({ format: 'date-time', description: 'Begin of the range.' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'End of the range, not included.' })),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: listLimits.maxItems,
      description: `Of a page; default ${listLimits.defaultItems}.`,
    }),
  ),
  cursor: Type.Optional(Type.String({ maxLength: 8_192, description: 'nextCursor of the page before.' })),
}

/** @throws {ServiceError} `invalid-request` for times that cannot be read or are the wrong way round */
export function parseTimeRange(
  from: string | undefined,
  to: string | undefined,
): { fromUs: Microseconds | undefined; toUs: Microseconds | undefined } {
  const faults: Fault[] = []
  const read = (name: string, text: string | undefined): Microseconds | undefined => {
    const us = text === undefined ? undefined : parseTime(text)
    if (text !== undefined && us === undefined) {
      faults.push({
        pointer: `/${name}`,
        detail: `${name} is not an RFC 3339 time, such as 2026-01-31T00:00:00Z.`,
      })
    }
    return us
  }
  const range = { fromUs: read('from', from), toUs: read('to', to) }
  if (range.fromUs !== undefined && range.toUs !== undefined && range.fromUs >= range.toUs) {
    faults.push({ pointer: '/from', detail: 'from must lie before to.' })
  }
  if (faults.length > 0) {
    throw new ServiceError('invalid-request', faults.map(({ detail }) => detail).join(' '), { faults })
  }
  return range
}
