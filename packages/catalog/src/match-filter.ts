import type { Filter } from './resources.ts'

/** Reads an attribute of an event by its CloudEvents name; undefined when the event lacks it. */
export type ReadAttribute = (name: string) => string | undefined

/**
 * Whether an event passes a filter of the CloudEvents Subscriptions API. A dialect with several attributes asks for
 * all of them; an absent attribute never matches. Source: CloudEvents Subscriptions API, section 3.2.4.
 */
export function matchesFilter(filter: Filter, read: ReadAttribute): boolean {
  if ('exact' in filter) return matchesAttributes(filter.exact, read, (value, wanted) => value === wanted)
  if ('prefix' in filter)
    return matchesAttributes(filter.prefix, read, (value, wanted) => value.startsWith(wanted))
  if ('suffix' in filter)
    return matchesAttributes(filter.suffix, read, (value, wanted) => value.endsWith(wanted))
  if ('all' in filter) return filter.all.every((part) => matchesFilter(part, read))
  if ('any' in filter) return filter.any.some((part) => matchesFilter(part, read))
  return !matchesFilter(filter.not, read)
}

function matchesAttributes(
  attributes: Readonly<Record<string, string>>,
  read: ReadAttribute,
  matches: (value: string, wanted: string) => boolean,
): boolean {
  return Object.entries(attributes).every(([name, wanted]) => {
    const value = read(name)
    return value !== undefined && matches(value, wanted)
  })
}
