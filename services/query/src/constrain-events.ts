import type { Principal } from '@millrace/catalog/authenticate-key'

/** Whose data a request reads, and how much of it. */
export type Reader = Pick<Principal, 'tenant' | 'constraints'>

/**
 * SQL conditions on the columns `type` and `subject` that let through what the reader's key is constrained to.
 * @param parameters gets the values that the conditions name
 */
export function constrainEvents(
  { constraints }: Pick<Reader, 'constraints'>,
  parameters: Record<string, string | number>,
): string[] {
  const columns = [
    { column: 'type', patterns: constraints?.eventTypes },
    { column: 'subject', patterns: constraints?.subjects },
  ]
  return columns.flatMap(({ column, patterns }) => {
    if (patterns === undefined) return []
    const alternatives = patterns.map((pattern, index) => {
      const name = `allowed_${column}_${index}`
      parameters[name] = pattern.includes('*') ? toLike(pattern) : pattern
      return `${column} ${pattern.includes('*') ? 'LIKE' : '='} {${name}:String}`
    })
    return [`(${alternatives.join(' OR ')})`]
  })
}

function toLike(pattern: string): string {
  return pattern.replaceAll(/[\\%_]/g, '\\$&').replaceAll('*', '%')
}
