import t from 'tap'
import { undocumentedAnswer } from '../../api/documented-answers.ts'

const document = {
  paths: {
    '/v1/things/{name}': { put: { responses: { 200: {}, 400: {}, default: {} } } },
    '/v1/things/{name}/secret': { post: { responses: { 200: {}, default: {} } } },
  },
}

t.test('an answer that has no entry is told, by its call', async (t) => {
  const answer = { method: 'PUT', path: '/v1/things/a%2Fb', status: 409 }
  t.equal(
    undocumentedAnswer(document, answer),
    'PUT /v1/things/{name} was answered with 409, which is not documented',
  )
  t.match(undocumentedAnswer(document, { ...answer, path: '/v1/things/{name}' }), /409/)
})

t.test(
  'nothing is told of what has an entry, may happen to any call, or is no documented call',
  async (t) => {
    for (const answer of [
      { method: 'PUT', path: '/v1/things/a', status: 400 },
      { method: 'PUT', path: '/v1/things/a', status: 431 },
      { method: 'GET', path: '/v1/things/a', status: 405 },
      { method: 'POST', path: '/v1/things/a/secret', status: 200 },
      { method: 'POST', path: '/metrics', status: 500 },
    ]) {
      t.equal(undocumentedAnswer(document, answer), undefined)
    }
  },
)
