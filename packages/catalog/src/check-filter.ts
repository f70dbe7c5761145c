import type { Fault } from '@millrace/service-kit/errors'
import type { Filter } from './resources.ts'

const maxDepth = 16
/** Each event of a type is held against all of them. */
const maxConditions = 500
const dialects = ['exact', 'prefix', 'suffix', 'all', 'any', 'not'] as const

/** What is wrong with a filter, beginning with its form; empty when it is one. */
function checkFilter(filter: unknown, pointer: string): Fault[] {
  const faults = checkPart(filter, pointer, 1)
  if (faults.length > 0) return faults.slice(0, maxFaults)
  if (countConditions(filter as Filter) <= maxConditions) return []
  return [{ pointer, detail: `holds more than ${maxConditions} conditions` }]
}

const maxFaults = 20

/**
 * What is wrong with the filter of a body, and the body as its shape is to be checked: without a filter that is at fault,
 * since this says better what is wrong with one, and how deep one may nest.
 */
export function checkFilterOf(body: unknown): { rest: unknown; faults: Fault[] } {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, 'filter')) {
    return { rest: body, faults: [] }
  }
  const { filter, ...rest } = body as { filter: unknown }
  const faults = checkFilter(filter, '/filter')
  return { rest: faults.length > 0 ? rest : body, faults }
}

function countConditions(filter: Filter): number {
  if ('not' in filter) return countConditions(filter.not)
  const parts = 'all' in filter ? filter.all : 'any' in filter ? filter.any : undefined
  if (parts !== undefined) return parts.reduce((sum, part) => sum + countConditions(part), 0)
  return Object.values(filter).reduce((sum, attributes) => sum + Object.keys(attributes).length, 0)
}

function checkPart(filter: unknown, pointer: string, depth: number): Fault[] {
  if (depth > maxDepth) return [{ pointer, detail: `nests deeper than ${maxDepth} filters` }]
  const names = typeof filter === 'object' && filter !== null ? Object.keys(filter) : []
  const dialect = dialects.find((name) => name === names[0])
  if (dialect === undefined || names.length !== 1) {
    return [{ pointer, detail: `has to be an object with exactly one of ${dialects.join(', ')}` }]
  }
  const inner = (filter as Record<string, unknown>)[dialect]
  const at = `${pointer}/${dialect}`
  if (dialect === 'not') return checkPart(inner, at, depth + 1)
  if (dialect !== 'all' && dialect !== 'any') return checkAttributes(inner, at)
  if (!Array.isArray(inner) || inner.length === 0)
    return [{ pointer: at, detail: 'has to be an array of at least one filter' }]
  return inner.flatMap((part, index) => checkPart(part, `${at}/${index}`, depth + 1))
}

function checkAttributes(attributes: unknown, pointer: string): Fault[] {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    return [{ pointer, detail: 'has to be an object of attribute names and texts' }]
  }
  const entries = Object.entries(attributes as Record<string, unknown>)
  if (entries.length === 0) return [{ pointer, detail: 'has to name at least one attribute' }]
  return entries.flatMap(([name, wanted]) => {
    const at = `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (!/^[a-z0-9]{1,64}$/.test(name))
      return [{ pointer: at, detail: 'is not the name of a CloudEvents attribute' }]
    if (typeof wanted !== 'string' || wanted.length > 1024)
      return [{ pointer: at, detail: 'has to be a text of at most 1,024 characters' }]
    return []
  })
}
