/** What a key may write and read of events. A list that is absent allows everything. */
export interface KeyConstraints {
  readonly eventTypes?: readonly string[]
  readonly subjects?: readonly string[]
}

/** Exact text, or with * in any places for any run of characters, also an empty one. */
export function matchesPattern(pattern: string, text: string): boolean {
  return compilePattern(pattern)(text)
}

/**
 * Whether a principal may write or read events of this type and subject.
 * @param subject empty when the event has none: then only the pattern * matches it
 */
export function allows(
  principal: { readonly constraints?: KeyConstraints },
  type: string,
  subject: string,
): boolean {
  const { constraints } = principal
  return constraints === undefined || (allowsType(constraints, type) && allowsSubject(constraints, subject))
}

export function allowsType(constraints: KeyConstraints | undefined, type: string): boolean {
  return matchesSome(constraints?.eventTypes, type)
}

export function allowsSubject(constraints: KeyConstraints | undefined, subject: string): boolean {
  return matchesSome(constraints?.subjects, subject)
}

/** Undefined when nothing is left that it forbids. */
export function normalizeConstraints(constraints: KeyConstraints | undefined): KeyConstraints | undefined {
  const eventTypes = dropUnbounded(constraints?.eventTypes)
  const subjects = dropUnbounded(constraints?.subjects)
  if (eventTypes === undefined && subjects === undefined) return undefined
  return { ...(eventTypes !== undefined && { eventTypes }), ...(subjects !== undefined && { subjects }) }
}

/**
 * The patterns among `inner` that reach further than `outer`.
 * A * of an inner pattern is met by a * of an outer one only, since those stand for nothing else here.
 */
export function patternsBeyond(
  outer: readonly string[] | undefined,
  inner: readonly string[] | undefined,
): readonly string[] {
  if (outer === undefined) return []
  return (inner ?? ['*']).filter((pattern) => !matchesSome(outer, pattern))
}

function dropUnbounded(patterns: readonly string[] | undefined): readonly string[] | undefined {
  return patterns?.some((pattern) => /^\*+$/.test(pattern)) ? undefined : patterns
}

type Matcher = (text: string) => boolean

/** Compiled once for each list, which lives as long as its key's record. */
const compiled = new WeakMap<readonly string[], readonly Matcher[]>()

function matchesSome(patterns: readonly string[] | undefined, text: string): boolean {
  if (patterns === undefined) return true
  let matchers = compiled.get(patterns)
  if (matchers === undefined) {
    matchers = patterns.map(compilePattern)
    compiled.set(patterns, matchers)
  }
  return matchers.some((matches) => matches(text))
}

/** Not by a regular expression: its time on a text that nearly matches grows with a power of the text's length. */
function compilePattern(pattern: string): Matcher {
  const [head = '', ...rest] = pattern.split('*')
  const tail = rest.pop()
  if (tail === undefined) return (text) => text === pattern
  return (text) => {
    if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail))
      return false
    const end = text.length - tail.length
    let from = head.length
    for (const part of rest) {
      const at = text.indexOf(part, from)
      if (at === -1 || at + part.length > end) return false
      from = at + part.length
    }
    return true
  }
}
