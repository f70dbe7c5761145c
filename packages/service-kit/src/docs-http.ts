import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { completeDocument } from './docs/complete-openapi.ts'
import type { OpenApiDocument } from './docs/openapi-document.ts'
import { pageHeaders, renderPage } from './docs/render-page.ts'

export interface DocsInfo {
  readonly title: string
  /** For people; paragraphs are parted by empty lines, `code` stands in backticks. */
  readonly description: string
  /** In the order of the page. */
  readonly tags: readonly { readonly name: string; readonly description: string }[]
}

/**
 * GET /openapi.json and /docs, from the schemas of the routes that are added after it. Both are public.
 * A route with `schema: {hide: true}` is left out.
 */
export async function installDocs(app: FastifyInstance, info: DocsInfo): Promise<void> {
  const { tags, ...told } = info
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { ...told, version: 'v1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      servers: [{ url: '/', description: 'The service that serves this document' }],
      tags: [...tags],
      components: {
        securitySchemes: {
          key: {
            type: 'http',
            scheme: 'bearer',
            description: 'A key of Millrace. What each call needs of its scopes stands with the call.',
          },
        },
      },
      security: [{ key: [] }],
    },
    transformObject: (given) =>
      completeDocument(
        ('openapiObject' in given ? given.openapiObject : given.swaggerObject) as unknown as OpenApiDocument,
      ) as never,
  })
  let page: string | undefined
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(app.swagger())),
  )
  app.get('/docs', { schema: { hide: true } }, (_request, reply) => {
    page ??= renderPage(app.swagger() as unknown as OpenApiDocument)
    return reply.headers(pageHeaders).type('text/html; charset=utf-8').send(page)
  })
}
