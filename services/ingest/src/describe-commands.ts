import type { DocsInfo } from '@millrace/service-kit/docs-http'

/** What /openapi.json and /docs of this door begin with. */
export const commandDocs: DocsInfo = {
  title: 'Millrace commands',
  description: `Everything that changes something goes in here: events, postbacks, the catalog. Everything that reads is a call of the query service. The topics of Kafka, which are public too, are described in \`/asyncapi.json\`.

Send a key with every call: \`authorization: Bearer <key>\`. Each call says which scope its key needs. JSON is camelCase, times are RFC 3339 with up to microseconds. Errors are problem documents (RFC 9457) whose \`detail\` tells what to change. A 503 and a 429 carry \`retry-after\` (seconds): send the same request again, with the same ids.`,
  tags: [
    { name: 'events', description: 'What happened. An accepted event is kept, and counts exactly once.' },
    { name: 'postbacks', description: 'Requests to third parties: one delivery for each data object.' },
    {
      name: 'catalog',
      description:
        'Event types, meters and endpoints. Each write gives a new version, which is the `ETag`; `if-match` guards against lost updates.',
    },
    { name: 'keys', description: 'Who may call, and what. A key is shown once, when it is issued.' },
    { name: 'replays', description: 'Sends again what was invalid, dead or held.' },
    { name: 'service', description: 'About this door itself.' },
  ],
}
