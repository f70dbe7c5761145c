import t from 'tap'
import { completeDocument } from '../../src/docs/complete-openapi.ts'
import type { OpenApiDocument, Operation } from '../../src/docs/openapi-document.ts'

function complete(get: Operation, schemas: object = {}): OpenApiDocument {
  return completeDocument({
    openapi: '3.1.0',
    info: { title: 'test', version: 'v1' },
    paths: { '/a': { get } },
    components: { schemas: schemas as never },
  })
}

const named = { title: 'Named', type: 'object', properties: { title: { type: 'string' } } }
const holding = (schema: object) => ({ description: 'ok', content: { 'application/json': { schema } } })

t.test('a keyed route may be answered what every key may be answered; a public one not', async (t) => {
  const keyed = complete({ security: [{ key: ['a:b'] }], responses: { 200: holding({}) } })
  t.same(Object.keys(keyed.paths['/a']?.get?.responses ?? {}), ['200', '401', '403', '429', 'default'])
  t.same(keyed.paths['/a']?.get?.responses['429'], { $ref: '#/components/responses/RateLimited' })
  t.same(Object.keys(keyed.components.responses ?? {}), [
    'Unauthenticated',
    'Forbidden',
    'RateLimited',
    'Problem',
  ])
  t.same(Object.keys(keyed.components.responses?.RateLimited?.headers ?? {}).sort(), [
    'RateLimit',
    'RateLimit-Policy',
    'retry-after',
    'x-request-id',
  ])
  t.ok(keyed.paths['/a']?.get?.responses['200']?.headers?.RateLimit)
  const open = complete({ security: [], responses: { 200: holding({}) } })
  t.same(Object.keys(open.paths['/a']?.get?.responses ?? {}), ['200', 'default'])
  t.same(open.paths['/a']?.get?.responses['200']?.headers, {
    'x-request-id': { $ref: '#/components/headers/x-request-id' },
  })
})

t.test('a schema with a title becomes one component, wherever it stands', async (t) => {
  const { paths, components } = complete({
    security: [],
    responses: { 200: holding(named), 201: holding({ type: 'array', items: named }) },
  })
  t.same(components.schemas?.Named, named)
  const responses = paths['/a']?.get?.responses
  t.same(responses?.['200']?.content?.['application/json']?.schema, { $ref: '#/components/schemas/Named' })
  t.same(responses?.['201']?.content?.['application/json']?.schema?.items, {
    $ref: '#/components/schemas/Named',
  })
})

t.test('a schema that holds itself refers to itself by its title', async (t) => {
  const tree = {
    title: 'Tree',
    type: 'object',
    properties: { below: { $ref: '#/components/schemas/def-0' } },
  }
  const { components } = complete(
    { security: [], responses: { 200: holding({ $ref: '#/components/schemas/def-0' }) } },
    { 'def-0': tree },
  )
  t.same(Object.keys(components.schemas ?? {}), ['Fault', 'Problem', 'Tree'])
  t.same(components.schemas?.Tree?.properties?.below, { $ref: '#/components/schemas/Tree' })
})

t.test('two schemas of one title are a mistake that is told', async (t) => {
  t.throws(
    () =>
      complete({
        security: [],
        responses: { 200: holding(named), 201: holding({ ...named, type: 'string' }) },
      }),
    /two different schemas have the title Named/,
  )
})

t.test('values of callers stay what they are', async (t) => {
  const example = { title: 'Named', type: 'object', $ref: '#/components/schemas/def-0' }
  const { paths } = complete({
    security: [],
    responses: { 200: { description: 'ok', content: { 'application/json': { schema: {}, example } } } },
  })
  t.same(paths['/a']?.get?.responses['200']?.content?.['application/json']?.example, example)
})
