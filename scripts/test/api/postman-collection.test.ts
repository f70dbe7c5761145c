import type { OpenApiDocument } from '@millrace/service-kit/docs/openapi-document'
import t from 'tap'
import { toPostmanCollection } from '../../api/postman-collection.ts'

const document: OpenApiDocument = {
  openapi: '3.1.0',
  info: { title: 'Door', version: 'v1' },
  components: {},
  paths: {
    '/v1/things/{name}': {
      put: {
        tags: ['things'],
        summary: 'Writes a thing',
        parameters: [
          { name: 'name', in: 'path', required: true, example: 'first' },
          { name: 'source', in: 'query', example: '/shop' },
          { name: 'filters', in: 'query', example: { 'filter.page': '/' } },
          { name: 'if-match', in: 'header', example: '"1"' },
        ],
        requestBody: {
          content: {
            'application/json': {
              examples: { one: { summary: 'One', value: { a: 1 } }, two: { value: [] } },
            },
          },
        },
        responses: {},
      },
    },
    '/v1/keys': {
      post: { operationId: 'issueKey', tags: ['things'], summary: 'Issues a key', responses: {} },
    },
    '/v1/keys/{id}': {
      delete: {
        operationId: 'revokeKey',
        parameters: [{ name: 'id', in: 'path', required: true }],
        responses: {},
      },
    },
    '/live': {
      get: { tags: ['things'], responses: { 200: { content: { 'text/event-stream': {} } } } },
    },
    '/ping': { get: { tags: ['service'], summary: 'Pong', security: [], responses: {} } },
  },
}

t.test(
  'a request for each call and each example of its body, with variables for address and key',
  async (t) => {
    const collection = toPostmanCollection([{ variable: 'door', address: 'http://localhost:1', document }])
    t.match(collection, {
      auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{key}}' }] },
      variable: [
        { key: 'door', value: 'http://localhost:1' },
        { key: 'key', value: '' },
      ],
      item: [
        {
          name: 'Door',
          item: [
            {
              name: 'things',
              item: [
                {
                  name: 'Writes a thing: One',
                  request: {
                    method: 'PUT',
                    header: [
                      { key: 'content-type', value: 'application/json' },
                      { key: 'if-match', value: '"1"', disabled: true },
                    ],
                    body: { mode: 'raw', raw: '{\n  "a": 1\n}', options: { raw: { language: 'json' } } },
                    url: {
                      raw: '{{door}}/v1/things/:name',
                      host: ['{{door}}'],
                      path: ['v1', 'things', ':name'],
                      query: [
                        { key: 'source', value: '/shop', disabled: true },
                        { key: 'filter.page', value: '/', disabled: true },
                      ],
                      variable: [{ key: 'name', value: 'one' }],
                    },
                  },
                },
                { name: 'Writes a thing: two' },
              ],
            },
            {
              name: 'service',
              item: [{ name: 'Pong', request: { method: 'GET', auth: { type: 'noauth' } } }],
            },
          ],
        },
      ],
    })
  },
)
