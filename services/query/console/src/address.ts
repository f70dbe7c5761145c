export type Parameters = Readonly<Record<string, string | undefined>>

/** Of a view or of a call, with the parameters that say something. */
export function addressOf(path: string, parameters: Parameters = {}): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '')
  const query = new URLSearchParams(given as [string, string][]).toString()
  return query === '' ? path : `${path}?${query}`
}
