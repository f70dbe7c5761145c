// The contract test is as good as what it notices.
import type { OpenApiDocument } from '@millrace/service-kit/docs/openapi-document'
import t from 'tap'
import { createAnswerCheck } from './check-answer.ts'
import { documentedCalls } from './documented-calls.ts'
import { readmeRequests } from './readme-requests.ts'

const document: OpenApiDocument = {
  openapi: '3.1.0',
  info: { title: 'Door', version: 'v1' },
  components: {
    headers: { 'x-request-id': { schema: { type: 'string', pattern: '^.+$' } } },
    schemas: {
      Thing: {
        type: 'object',
        required: ['at'],
        properties: { at: { type: 'string', format: 'date-time' } },
      },
    },
    responses: {
      Problem: { description: 'any other', content: { 'application/problem+json': { schema: {} } } },
    },
  },
  paths: {
    '/v1/things/{name}': {
      put: {
        operationId: 'putThing',
        requestBody: { content: { 'application/json': { schema: { type: 'object', required: ['a'] } } } },
        responses: {
          200: {
            headers: {
              'x-request-id': { $ref: '#/components/headers/x-request-id' },
              etag: { schema: { type: 'string' } },
            },
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } },
          },
          204: { description: 'nothing' },
          default: { $ref: '#/components/responses/Problem' },
        },
      },
    },
  },
}
const [call] = documentedCalls(document)
const check = createAnswerCheck(document)
const good = { 'content-type': 'application/json', 'x-request-id': 'r', etag: '"1"' }

function faultsOf(status: number, headers: Record<string, string>, text: string): string {
  if (call === undefined) throw new Error('the document has one call')
  return check.faultsOf(call, { status, headers: new Headers(headers), text }).join('; ')
}

t.test('an answer as it is documented has no faults', async (t) => {
  t.equal(faultsOf(200, good, '{"at": "2026-01-01T00:00:00Z"}'), '')
  t.equal(faultsOf(204, {}, ''), '')
  t.equal(faultsOf(500, { 'content-type': 'application/problem+json' }, '{}'), '')
})

t.test('each way of not being as documented is told', async (t) => {
  t.match(faultsOf(200, good, '{}'), /'at'/)
  t.match(faultsOf(200, good, '{"at": "2026-01-01T00:00:00Z", "unheard": 1}'), /unheard/)
  t.match(faultsOf(200, good, '{"at": "yesterday"}'), /\/at .*date-time/)
  t.match(faultsOf(200, { ...good, 'content-type': 'text/html' }, '{}'), /content-type is text\/html/)
  t.match(faultsOf(200, { 'content-type': 'application/json', etag: '"1"' }, '{}'), /x-request-id is missing/)
  t.match(faultsOf(200, { 'content-type': 'application/json', 'x-request-id': 'r' }, '{}'), /etag is missing/)
  t.match(faultsOf(204, {}, 'text'), /has a body/)
  t.match(faultsOf(418, { 'content-type': 'text/plain' }, ''), /content-type is text\/plain/)
})

t.test('a body that is accepted has to be one that is documented', async (t) => {
  if (call === undefined) throw new Error('the document has one call')
  t.same(check.bodyFaultsOf(call, 'application/json', '{"a": 1}'), [])
  t.match(check.bodyFaultsOf(call, 'application/json', '{}'), [/'a'/])
})

t.test('the requests of a page are read as a shell reads them', async (t) => {
  const page = `text
\`\`\`sh
export KEY=$(cat .millrace/root-key)
# A comment.
curl -X PUT 'localhost:8080/v1/a?b=c' -H "authorization: Bearer $KEY" \\
  -d '{"a": 1}'
curl localhost:8081/ping
\`\`\`
`
  t.same(readmeRequests(page, 'secret'), [
    {
      url: 'http://localhost:8080/v1/a?b=c',
      method: 'PUT',
      headers: { authorization: 'Bearer secret' },
      body: '{"a": 1}',
    },
    { url: 'http://localhost:8081/ping', method: 'GET', headers: {}, body: undefined },
  ])
})
