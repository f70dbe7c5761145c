import { checkShape, soundMembers } from '@millrace/catalog/check-shape'
import { parseTimestamp, timestampRange } from '@millrace/service-kit/timestamp'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { checkText } from './check-attribute.ts'
import { refusedWrite } from './refused-write.ts'

export const SettlementRequest = Type.Object(
  {
    reference: Type.String({
      minLength: 1,
      maxLength: 4_096,
      description: 'What the payment is known by, such as the number of a payroll.',
    }),
    settledAt: Type.Optional(
      Type.String({
        format: 'date-time',
        maxLength: 64,
        description: 'When it was paid. Now, when it is missing.',
      }),
    ),
  },
  { additionalProperties: false, title: 'SettlementRequest' },
)

const shape = Compile(
  Type.Object(
    {
      reference: SettlementRequest.properties.reference,
      settledAt: Type.Optional(Type.String({ maxLength: 64 })),
    },
    { additionalProperties: false },
  ),
)

export interface SettlementTerms {
  readonly reference: string
  /** Microseconds since 1970. */
  readonly settledAtUs: number
}

/** @throws {ServiceError} `invalid-request` */
export function readSettlement(body: unknown, nowUs: number): SettlementTerms {
  const faults = checkShape(shape, body)
  const { reference, settledAt } = soundMembers<Static<typeof SettlementRequest>>(body, faults)
  const fault = reference === undefined ? undefined : checkText(reference)
  if (fault !== undefined) faults.push({ pointer: '/reference', detail: fault })
  const settledAtUs = settledAt === undefined ? nowUs : parseTimestamp(settledAt)
  if (settledAtUs === undefined) {
    faults.push({ pointer: '/settledAt', detail: `is not an RFC 3339 time ${timestampRange}` })
  }
  if (faults.length > 0 || reference === undefined || settledAtUs === undefined) throw refusedWrite(faults)
  return { reference, settledAtUs }
}
