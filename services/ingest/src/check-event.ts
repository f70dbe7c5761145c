import type { CatalogStore } from '@millrace/catalog/catalog-store'
import { type CheckData, compileSchema } from '@millrace/catalog/compile-schema'
import { type Duration, parseDuration, subtractDuration } from '@millrace/catalog/duration'
import { isJsonMediaType } from '@millrace/catalog/media-type'
import type { CatalogEntry, EventType } from '@millrace/catalog/resources'
import type { Event } from '@millrace/proto'
import type { Fault } from '@millrace/service-kit/errors'
import { checkDepth } from './check-depth.ts'

/** Says why an event is not accepted although its envelope is right, or nothing. */
export type CheckEvent = (event: Event) => Omit<Fault, 'index'> | undefined

/** What an event type asks of its events before they are accepted. */
interface Rules {
  readonly maxAge: Duration | undefined
  readonly checkData: CheckData | undefined
}

/**
 * Checks events by what the catalog says of their types: whether they may be unknown and, for types whose validation is
 * `before` acceptance, their age and data. Types that validate after are judged by the aggregator, by the same rules.
 */
export function createEventCheck(catalog: () => CatalogStore | undefined): CheckEvent {
  // The catalog has one entry for each version: what was made of it goes when it does.
  const prepared = new WeakMap<CatalogEntry<EventType>, Rules>()
  const rulesOf = (entry: CatalogEntry<EventType>): Rules => {
    const known = prepared.get(entry)
    if (known !== undefined) return known
    const rules = prepare(entry)
    prepared.set(entry, rules)
    return rules
  }
  return (event) => {
    const store = catalog()
    const entry = store?.eventType(event.tenant, event.type)
    if (entry === undefined) {
      if (store?.settings(event.tenant)?.body.unknownEventTypes !== 'refuse') return undefined
      return {
        pointer: '/type',
        detail: `is not in the catalog, and this tenant refuses unknown types: PUT /v1/event-types/${encodeURIComponent(event.type.slice(0, 256))} first`,
      }
    }
    if (entry.body.validation !== 'before') return undefined
    const rules = rulesOf(entry)
    return checkAge(event, rules) ?? checkData(event, rules)
  }
}

/** Whether `createEventCheck` would pass every event of a type; it costs a lookup. */
export function isUnchecked(store: CatalogStore | undefined, tenant: string, type: string): boolean {
  const entry = store?.eventType(tenant, type)
  if (entry !== undefined) return entry.body.validation !== 'before'
  return store?.settings(tenant)?.body.unknownEventTypes !== 'refuse'
}

function prepare({ body: { maxAge, schema } }: CatalogEntry<EventType>): Rules {
  return {
    maxAge: maxAge === undefined ? undefined : parseDuration(maxAge),
    checkData: schema === undefined ? undefined : compileSchema(schema),
  }
}

function checkAge(event: Event, { maxAge }: Rules): Omit<Fault, 'index'> | undefined {
  if (maxAge === undefined || event.backfill) return undefined
  if (event.occurredAtUs >= subtractDuration(event.receivedAtUs, maxAge)) return undefined
  const detail =
    'is older than the maxAge of the event type: older events need a key with the scope events:backfill'
  return { pointer: '/time', detail }
}

function checkData(event: Event, rules: Rules): Omit<Fault, 'index'> | undefined {
  if (rules.checkData === undefined) return undefined
  if (!isJsonMediaType(event.dataContentType)) {
    return { pointer: '/datacontenttype', detail: 'has to be JSON: the event type has a schema' }
  }
  if (event.data.length === 0) return { pointer: '/data', detail: 'is required by the event type’s schema' }
  // A schema may recurse as deep as the data.
  const tooDeep = checkDepth(event.data)
  if (tooDeep !== undefined) return { pointer: '/data', detail: tooDeep }
  const fault = rules.checkData(JSON.parse(event.data.toString()))
  return fault && { pointer: `/data${fault.pointer}`, detail: fault.reason }
}
