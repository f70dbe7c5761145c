// Writes what describes the API to docs/api: the services' OpenAPI documents, AsyncAPI for the topics, a Postman
// collection. With --check nothing is written, and it fails when the committed files are not what would be.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeTopics } from '@millrace/proto/describe-topics'
import type { OpenApiDocument } from '@millrace/service-kit/docs/openapi-document'
import { toPostmanCollection } from './postman-collection.ts'
import { readServedDocument } from './served-documents.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const directory = join(import.meta.dirname, '../../docs/api')

const [ingest, query] = (await Promise.all([
  readServedDocument('ingest'),
  readServedDocument('query'),
])) as OpenApiDocument[]
if (ingest === undefined || query === undefined) throw new Error('a document is missing')

const files: Readonly<Record<string, object>> = {
  'ingest.openapi.json': ingest,
  'query.openapi.json': query,
  'asyncapi.json': describeTopics(),
  'millrace.postman_collection.json': toPostmanCollection([
    { variable: 'ingest', address: 'http://localhost:8080', document: ingest },
    { variable: 'query', address: 'http://localhost:8081', document: query },
  ]),
}

mkdirSync(directory, { recursive: true })
const stale = Object.entries(files).filter(([name, content]) => {
  const text = `${JSON.stringify(content, null, 2)}\n`
  if (readCommitted(name) === text) return false
  if (!values.check) writeFileSync(join(directory, name), text)
  return true
})
for (const [name] of stale) console.log(`docs/api/${name} ${values.check ? 'is stale' : 'written'}`)
if (values.check && stale.length > 0) {
  console.error('Run: make api')
  process.exitCode = 1
}

function readCommitted(name: string): string | undefined {
  try {
    return readFileSync(join(directory, name), 'utf8')
  } catch {
    return undefined
  }
}
