/** Thrown when data would take longer to check than its size explains. */
export class StepsExceeded extends Error {
  override readonly name = 'StepsExceeded'
}

/**
 * Counts the work of a check, in steps of some tens of nanoseconds. Small data gets a grant that hardly any check
 * uses up; only then is the data measured, and the grant grows with its size. So the same data is judged equally each
 * time, on any machine.
 */
export interface StepBudget {
  /** Begins a check. */
  start(data: unknown): void
  /** Outside of checks nothing is counted. */
  end(): void
  /** @throws {StepsExceeded} */
  spend(steps: number): void
}

export const stepLimits = { grant: 100_000, perUnit: 40, most: 3_000_000 } as const

/** Characters of a text that count as much as a number. */
const charactersPerUnit = 8

export function createStepBudget(): StepBudget {
  let left = Number.POSITIVE_INFINITY
  let checked: unknown
  let measured = false
  return {
    start(data) {
      left = stepLimits.grant
      checked = data
      measured = false
    },
    end() {
      left = Number.POSITIVE_INFINITY
      checked = undefined
    },
    spend(steps) {
      left -= steps
      if (left >= 0) return
      if (!measured) {
        measured = true
        left += Math.min(stepLimits.perUnit * sizeOf(checked), stepLimits.most)
      }
      if (left < 0) throw new StepsExceeded('the data takes too many steps to be checked')
    },
  }
}

/** Values that the data holds, names included; a long text counts as several. Recurses as deep as the data nests. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 1 + value.length / charactersPerUnit
  if (typeof value !== 'object' || value === null) return 1
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + sizeOf(item), 1)
  let size = 1
  for (const [name, inner] of Object.entries(value)) size += name.length / charactersPerUnit + sizeOf(inner)
  return size
}

/** What one look at all of a value's own parts costs: its characters, items or members. */
export function widthOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0
}
