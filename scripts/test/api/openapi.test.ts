import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type OpenApiDocument, operationsOf } from '@millrace/service-kit/docs/openapi-document'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import t from 'tap'

const directory = join(import.meta.dirname, '../../../docs/api')
const config = await createConfig({
  extends: ['recommended-strict'],
  rules: {
    // What needs no key has nothing to refuse, but for the default answer.
    'operation-4xx-response': 'off',
    'operation-operationId-unique': 'error',
    'operation-operationId-url-safe': 'error',
    'operation-singular-tag': 'error',
    'tag-description': 'error',
    'no-invalid-parameter-examples': 'error',
    'no-invalid-schema-examples': 'error',
  },
})

async function lint(source: string): Promise<string[]> {
  const found = await lintFromString({ source, absoluteRef: join(directory, 'linted.json'), config })
  return found.map(({ ruleId, message, location: [first] }) => `${first?.pointer}: ${message} (${ruleId})`)
}

for (const service of ['ingest', 'query']) {
  const source = readFileSync(join(directory, `${service}.openapi.json`), 'utf8')
  const document = JSON.parse(source) as OpenApiDocument

  t.test(`what ${service} serves is valid OpenAPI, its examples fit their schemas`, async (t) => {
    t.same(await lint(source), [])
  })

  t.test(`every call of ${service} says what it is, needs and answers`, async (t) => {
    const known = new Set(document.tags?.map(({ name }) => name))
    for (const { method, path, operation } of operationsOf(document)) {
      const call = `${method.toUpperCase()} ${path}`
      t.ok(operation.summary && known.has(operation.tags?.[0] ?? ''), `${call} has a summary and a known tag`)
      const needs = (operation.security ?? [{}]).map(({ key = [] }) => key.length)
      t.ok(
        needs.every((scopes) => scopes === 1),
        `${call} says which scope it needs`,
      )
      t.ok(operation.responses.default && Object.keys(operation.responses).length > 1, `${call} has answers`)
      for (const { name, description } of operation.parameters ?? []) {
        t.ok(description, `${call} describes its parameter ${name}`)
      }
    }
  })
}

t.test('the linter finds what is wrong', async (t) => {
  const source = readFileSync(join(directory, 'ingest.openapi.json'), 'utf8')
  const document = JSON.parse(source) as { paths: { '/v1/events': { post: Record<string, unknown> } } }
  delete document.paths['/v1/events'].post.operationId
  document.paths['/v1/events'].post.responses = {
    202: { description: 'ok', content: { 'a/b': { schema: 1 } } },
  }
  t.match((await lint(JSON.stringify(document))).join('\n'), /operationId[\s\S]*schema/)
})
