/** Whether an Accept-Encoding header names a coding, and not only to refuse it. */
export function acceptsCoding(header: string | undefined, coding: string): boolean {
  const found = header
    ?.split(',')
    .map((part) => part.trim().toLowerCase())
    .find((part) => part.split(';')[0]?.trim() === coding)
  return found !== undefined && !/;\s*q=0(\.0*)?$/.test(found)
}
