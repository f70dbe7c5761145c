import type { DocsInfo } from '@millrace/service-kit/docs-http'

/** What /openapi.json and /docs of this door begin with. */
export const queryDocs: DocsInfo = {
  title: 'Millrace queries',
  description: `Everything that reads: reports, the live view, events, deliveries, the catalog. Everything that changes something is a call of the ingest service.

Send a key with every call: \`authorization: Bearer <key>\`. Each call says which scope its key needs. Times are RFC 3339 with up to microseconds. Lists take \`limit\` and \`cursor\` and return \`nextCursor\` while there is more. Errors are problem documents (RFC 9457) whose \`detail\` tells what to change. A 503 and a 429 carry \`retry-after\` (seconds).`,
  tags: [
    { name: 'reports', description: 'Meters read over a time range, and the last minutes live.' },
    { name: 'events', description: 'Stored events, and what became of them.' },
    { name: 'deliveries', description: 'What was sent to third parties, attempt by attempt.' },
    {
      name: 'catalog',
      description: 'Event types, meters, endpoints, keys and replays as they are now. Secrets never.',
    },
    { name: 'service', description: 'About this door itself.' },
  ],
}
