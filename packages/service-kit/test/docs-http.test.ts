import t from 'tap'
import { renderDocs } from '../src/docs-http.ts'

t.test('the page shows every route, and text from schemas stays text', async (t) => {
  const page = renderDocs({
    info: { title: 'A & B', version: 'v1' },
    paths: {
      '/a/{name}': {
        put: { summary: '<script>alert(1)</script>', responses: { 200: { description: 'ok' } } },
      },
    },
  })
  t.match(page, '<title>A &amp; B</title>')
  t.match(page, 'PUT /a/{name}')
  t.match(page, '&lt;script&gt;')
  t.notMatch(page, '<script>')
})
