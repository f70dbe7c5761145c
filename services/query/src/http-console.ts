import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'

/** Nothing but what this door serves: no inline scripts or styles, no other hosts, no frames. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const headers = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  // A new version of the service is a new version of the page.
  'cache-control': 'no-cache',
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

const files = [
  'index.html',
  'console.css',
  'console.js',
  'api.js',
  'chart.js',
  'format.js',
  'live-feed.js',
  'recent-lists.js',
  'icon.svg',
] as const

/** The page for people at `/`, from src/console. */
export function addConsoleRoutes(app: FastifyInstance): void {
  const require = createRequire(import.meta.url)
  const assets: [name: string, path: string][] = [
    ...files.map((name): [string, string] => [name, join(import.meta.dirname, 'console', name)]),
    ['uplot.js', require.resolve('uplot/dist/uPlot.esm.js')],
    ['uplot.css', require.resolve('uplot/dist/uPlot.min.css')],
  ]
  for (const [name, path] of assets) {
    const content = readFileSync(path)
    const type = types[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream'
    const url = name === 'index.html' ? '/' : `/assets/${name}`
    app.get(url, { schema: { hide: true } }, (_request, reply) =>
      reply.headers(headers).type(type).send(content),
    )
  }
}
