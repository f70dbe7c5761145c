/** Whether an If-None-Match names the tag; weak and strong ones compare alike, as RFC 9110 has it for GET. */
export function isKnown(ifNoneMatch: string | undefined, tag: string): boolean {
  const bare = (text: string): string => text.trim().replace(/^W\//, '')
  return ifNoneMatch?.split(',').some((known) => known.trim() === '*' || bare(known) === bare(tag)) ?? false
}
