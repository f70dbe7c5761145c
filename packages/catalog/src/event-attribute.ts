import type { Event } from '@millrace/proto'

/** A context attribute by its CloudEvents name; undefined when the event lacks it. */
export function readAttribute(event: Event, name: string): string | number | boolean | undefined {
  switch (name) {
    case 'specversion':
      return '1.0'
    case 'id':
      return event.id
    case 'source':
      return event.source
    case 'type':
      return event.type
    case 'subject':
      return event.subject === '' ? undefined : event.subject
    case 'time':
      return formatTime(event.occurredAtUs)
    case 'datacontenttype':
      return event.dataContentType === '' ? undefined : event.dataContentType
    case 'dataschema':
      return event.dataSchema === '' ? undefined : event.dataSchema
    default:
      return Object.hasOwn(event.extensions, name) ? event.extensions[name]?.value?.value : undefined
  }
}

/** The same as text, for filters. */
export function readAttributeText(event: Event, name: string): string | undefined {
  const value = readAttribute(event, name)
  return value === undefined ? undefined : String(value)
}

/** RFC 3339 in UTC; a fraction only where there is one. @param timeUs within the years 0 to 9999 */
function formatTime(timeUs: number): string {
  const seconds = Math.floor(timeUs / 1_000_000)
  const fraction = timeUs - seconds * 1_000_000
  const text = new Date(seconds * 1_000).toISOString().slice(0, 19)
  return fraction === 0 ? `${text}Z` : `${text}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}Z`
}
