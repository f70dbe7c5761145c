import { fastify } from 'fastify'
import t from 'tap'
import { pingDocs } from '../src/describe-ping.ts'
import { installDocs } from '../src/docs-http.ts'

t.test('the page needs no script and no other host, and text from schemas stays text', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await installDocs(app, { title: 'A & B', description: '', tags: [{ name: 'service', description: '' }] })
  app.get('/ping', { schema: pingDocs }, () => 'pong')
  app.put('/a/:name', { schema: { summary: '<script>alert(1)</script>' } }, () => 'ok')
  const page = await app.inject('/docs')
  t.match(page.body, '<title>A &amp; B</title>')
  t.match(page.body, '<code>/a/{name}</code>')
  t.match(page.body, '&lt;script&gt;')
  t.notMatch(page.body, /<script|<link|src=|https?:\/\//)
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, "default-src 'none'")
  t.notMatch(policy, 'unsafe')
  const document = (await app.inject('/openapi.json')).json()
  t.equal(document.openapi, '3.1.0')
  t.same(Object.keys(document.paths), ['/a/{name}', '/ping'])
})
