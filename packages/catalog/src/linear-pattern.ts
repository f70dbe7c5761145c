import { RE2JS } from 're2js'
import type { StepBudget } from './step-budget.ts'

/** The part of a RegExp that validators use. */
interface Pattern {
  test(text: string): boolean
  /** Validators tell patterns apart by it. */
  toString(): string
}

export const patternLimits = { maxLength: 2_000, maxStates: 2_000 } as const

/** A character meets each state of a pattern at most once; so many of these meetings take a step's time or more. */
const meetingsPerStep = 4

/**
 * A schema's regular expression on an engine whose time grows with the text only: with JavaScript's own, one pattern
 * such as ^(a+)+$ and one event stop a service for ever. Lookarounds and back-references have no such engine.
 * @throws {Error} whose message says what is wrong with the pattern
 */
export function createLinearPattern(pattern: string, budget: Pick<StepBudget, 'spend'>): Pattern {
  const compiled = compile(pattern)
  const stepsPerCharacter = compiled.programSize() / meetingsPerStep
  return {
    test(text) {
      budget.spend(1 + text.length * stepsPerCharacter)
      return compiled.matcher(text).find()
    },
    toString: () => pattern,
  }
}

/** @throws {Error} whose message says what is wrong with the pattern */
export function checkPattern(pattern: string): void {
  const { maxLength, maxStates } = patternLimits
  if (pattern.length > maxLength) throw new Error(`has more than ${maxLength} characters`)
  // Before the engine: it writes repetitions out, and may need minutes and gigabytes for them.
  if (countStates(pattern) > maxStates) {
    throw new Error(`is larger than ${maxStates} characters once its repetitions are written out`)
  }
  compile(pattern)
}

const tokens = /\\[pPxu]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|\{(\d+)(,?)(\d*)\}|./gsu

/** Characters of a pattern with its counted repetitions written out; rather too many than too few. */
export function countStates(pattern: string): number {
  // Of each open group what stands in it so far, and what its last part takes.
  const groups = [{ total: 0, last: 0 }]
  for (const [token, minimum, , maximum] of pattern.matchAll(tokens)) {
    const group = groups.at(-1) as { total: number; last: number }
    if (minimum !== undefined) {
      const times = Math.max(Number(minimum), Number(maximum))
      group.total += group.last * Math.max(0, times)
      group.last *= times + 1
    } else if (token === '(') {
      groups.push({ total: 0, last: 0 })
    } else if (token === ')' && groups.length > 1) {
      groups.pop()
      const outer = groups.at(-1) as { total: number; last: number }
      outer.last = group.total + 1
      outer.total += outer.last
    } else {
      group.last = 1
      group.total += 1
    }
  }
  return groups.reduce((sum, { total }) => sum + total, 0)
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(
      `the pattern ${JSON.stringify(pattern)} cannot be used (lookarounds and back-references are not supported): ${reason}`,
    )
  }
}
