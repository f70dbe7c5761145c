/** Whether data of this media type is JSON: the subtype `json`, or the suffix `+json`. None means application/json. */
export function isJsonMediaType(contentType: string): boolean {
  if (contentType === '' || contentType === 'application/json') return true
  const subtype = contentType.split(';', 1)[0]?.trim().toLowerCase().split('/')[1] ?? ''
  return subtype === 'json' || subtype.endsWith('+json')
}
