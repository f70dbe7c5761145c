import type { BenchService } from './bench-mesh.ts'

/** A key as a producer has it: issued, for events only, with a limit that is counted and never met. */
export async function issueKey(ingest: BenchService, rootKey: string): Promise<string> {
  const response = await fetch(`${ingest.httpUrl}/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${rootKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      application: 'bench',
      scopes: ['events:write'],
      rateLimit: { perSecond: 1_000_000 },
    }),
  })
  if (response.status !== 201) throw new Error(`no key was issued: ${await response.text()}`)
  return ((await response.json()) as { key: string }).key
}
