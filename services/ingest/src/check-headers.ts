import type { Fault } from '@millrace/service-kit/errors'
import { refusedHeaders } from '@millrace/service-kit/refused-headers'

/** What the receiver trusts to be Millrace's. */
const signed = /^webhook-/
const maxHeaders = 64
const maxValueLength = 4_096

/** What is wrong with the headers that a caller wants to be sent. */
export function checkHeaders(headers: Readonly<Record<string, string>>, pointer: string): Fault[] {
  const names = Object.keys(headers)
  if (names.length > maxHeaders) return [{ pointer, detail: `has more than ${maxHeaders} headers` }]
  const seen = new Set<string>()
  const faults: Fault[] = []
  for (const [name, value] of Object.entries(headers)) {
    const detail = checkHeader(name, value, seen)
    if (detail !== undefined)
      faults.push({ pointer: `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, detail })
    seen.add(name.toLowerCase())
  }
  return faults
}

function checkHeader(name: string, value: string, seen: ReadonlySet<string>): string | undefined {
  const lower = name.toLowerCase()
  if (!/^[\w!#$%&'*+.^`|~-]{1,256}$/.test(name)) return 'is not the name of a header'
  if (refusedHeaders.has(lower)) return 'is set by the sender: hop-by-hop and framing headers are not allowed'
  if (signed.test(lower)) return 'is set by the sender: receivers trust webhook headers'
  if (seen.has(lower)) return 'is given twice'
  if (value.length > maxValueLength) return `has more than ${maxValueLength} characters`
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value) ? undefined : 'holds characters that a header cannot carry'
}
