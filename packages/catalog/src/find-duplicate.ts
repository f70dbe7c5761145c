import type { StepBudget } from './step-budget.ts'

/**
 * The first two items that are equal as JSON, by their indices. One pass over texts in which members stand in order:
 * comparing each item with each other one takes minutes for a megabyte of them.
 */
export function findDuplicate(
  items: readonly unknown[],
  budget: Pick<StepBudget, 'spend'>,
): readonly [first: number, second: number] | undefined {
  const seen = new Map<string, number>()
  for (const [index, item] of items.entries()) {
    const text = writeOrdered(item)
    // Each value in it takes two characters at least, and the time of several steps.
    budget.spend(1 + 2 * text.length)
    const first = seen.get(text)
    if (first !== undefined) return [first, index]
    seen.set(text, index)
  }
  return undefined
}

function writeOrdered(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeOrdered).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${members.map(([name, inner]) => `${JSON.stringify(name)}:${writeOrdered(inner)}`).join(',')}}`
  }
  // Minus zero equals zero.
  return value === 0 ? '0' : JSON.stringify(value)
}
