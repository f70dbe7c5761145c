/** What a key may do, in the words of the API. */
export const scopes = [
  'events:write',
  'events:backfill',
  'events:read',
  'events:settle',
  'events:retract',
  'reports:read',
  'postbacks:write',
  'deliveries:read',
  'deliveries:replay',
  'catalog:read',
  'catalog:write',
  'keys:admin',
] as const
export type Scope = (typeof scopes)[number]
