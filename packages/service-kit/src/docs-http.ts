import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'

/** The parts of an OpenAPI document that the page shows. */
interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly unknown[]
  readonly requestBody?: unknown
  readonly responses?: Readonly<Record<string, unknown>>
}

interface OpenApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string }
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/**
 * GET /openapi.json and /docs, from the schemas of the routes that are added after it. Both are public.
 * A route with `schema: {hide: true}` is left out.
 */
export async function installDocs(
  app: FastifyInstance,
  info: { title: string; description: string },
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { ...info, version: 'v1' },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    },
  })
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(app.swagger())),
  )
  app.get('/docs', { schema: { hide: true } }, (_request, reply) =>
    reply
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
      .type('text/html; charset=utf-8')
      .send(renderDocs(app.swagger() as unknown as OpenApiDocument)),
  )
}

/** One self-contained page, readable without scripts. */
export function renderDocs({ info, paths = {} }: OpenApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => renderOperation(method, path, operation)),
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(info.title)}</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 56rem; margin: 0 auto; padding: 1rem; }
h2 { font: 600 1rem/1.5 ui-monospace, monospace; border-top: 1px solid; padding-top: 1rem; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid; border-radius: .25rem; font-size: .85rem; }
</style>
</head>
<body>
<h1>${escapeHtml(info.title)}</h1>
<p>${escapeHtml(info.description ?? '')} The same as data: <a href="/openapi.json">/openapi.json</a>.</p>
${operations.join('\n')}
</body>
</html>
`
}

function renderOperation(method: string, path: string, operation: Operation): string {
  const details = [
    ['Parameters', operation.parameters],
    ['Request', operation.requestBody],
    ['Responses', operation.responses],
  ] as const
  const parts = details
    .filter(([, value]) => value !== undefined)
    .map(
      ([title, value]) =>
        `<details><summary>${title}</summary><pre>${escapeHtml(JSON.stringify(value, null, 2))}</pre></details>`,
    )
  const text = [operation.summary, operation.description].filter((part) => part !== undefined)
  return `<section>
<h2>${method.toUpperCase()} ${escapeHtml(path)}</h2>
${text.map((part) => `<p>${escapeHtml(part)}</p>`).join('\n')}
${parts.join('\n')}
</section>`
}

function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replace(/[&<>"]/g, (character) => names[character] ?? character)
}
