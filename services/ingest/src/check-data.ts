import type { CatalogStore } from '@millrace/catalog/catalog-store'
import { type CheckData, compileSchema } from '@millrace/catalog/compile-schema'
import { isJsonMediaType } from '@millrace/catalog/media-type'
import type { Event } from '@millrace/proto'
import type { Fault } from '@millrace/service-kit/errors'
import { checkDepth } from './check-depth.ts'

/** Says why data does not fit its type's schema, for types whose validation is `before` acceptance. */
export function createDataCheck(
  catalog: () => CatalogStore | undefined,
): (event: Event) => Omit<Fault, 'index'> | undefined {
  const compiled = new Map<string, { version: number; check: CheckData }>()
  return (event) => {
    const entry = catalog()?.eventType(event.tenant, event.type)
    if (entry?.body.validation !== 'before' || entry.body.schema === undefined) return undefined
    if (!isJsonMediaType(event.dataContentType)) {
      return { pointer: '/datacontenttype', detail: 'has to be JSON: the event type has a schema' }
    }
    const key = `${event.tenant}/${event.type}`
    let known = compiled.get(key)
    if (known?.version !== entry.version) {
      known = { version: entry.version, check: compileSchema(entry.body.schema) }
      compiled.set(key, known)
    }
    if (event.data.length === 0) return { pointer: '/data', detail: 'is required by the event type’s schema' }
    // A schema may recurse as deep as the data.
    const tooDeep = checkDepth(event.data)
    if (tooDeep !== undefined) return { pointer: '/data', detail: tooDeep }
    const fault = known.check(JSON.parse(event.data.toString()))
    return fault && { pointer: `/data${fault.pointer}`, detail: fault.reason }
  }
}
