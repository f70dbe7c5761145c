import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { anchor, escapeHtml, paragraphs } from './html.ts'
import { type OpenApiDocument, operationsOf } from './openapi-document.ts'
import { operationAnchor, type PlacedOperation, renderOperation } from './render-operation.ts'
import { renderSchema } from './render-schema.ts'

const style = readFileSync(join(import.meta.dirname, 'page.css'), 'utf8')
const styleHash = createHash('sha256').update(style).digest('base64')

/** The page is text and its own style: no scripts, no other hosts, no frames. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  // A new version of the service is a new version of the page.
  'cache-control': 'no-cache',
}

interface Section {
  readonly name: string
  readonly description: string | undefined
  readonly operations: readonly PlacedOperation[]
}

/** One self-contained page, readable without scripts. */
export function renderPage(document: OpenApiDocument): string {
  const { info } = document
  const sections = toSections(document)
  const schemas = Object.entries(document.components.schemas ?? {})
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(info.title)}</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header>
<h1>${escapeHtml(info.title)} <small>${escapeHtml(info.version)}</small></h1>
</header>
<nav aria-label="Calls">
${sections.map(renderLinks).join('\n')}
${schemas.length === 0 ? '' : '<h2><a href="#schemas">Schemas</a></h2>'}
</nav>
<main id="content">
${paragraphs(info.description)}
<p>The same as data: <a href="/openapi.json">/openapi.json</a> (OpenAPI ${escapeHtml(document.openapi)}).</p>
${sections.map((section) => renderSection(section, document)).join('\n')}
${schemas.length === 0 ? '' : `<section id="schemas"><h2>Schemas</h2>\n${schemas.map(([name, schema]) => `<article id="schema-${anchor(name)}"><h3><a href="#schema-${anchor(name)}"><code>${escapeHtml(name)}</code></a></h3>\n${paragraphs(schema.description)}${renderSchema(schema)}</article>`).join('\n')}</section>`}
</main>
</body>
</html>
`
}

/** Operations by their first tag, in the order of the document's tags; those without one come last. */
function toSections(document: OpenApiDocument): Section[] {
  const all = operationsOf(document)
  const known = document.tags ?? []
  const tagged = known.map(({ name, description }) => ({
    name,
    description,
    operations: all.filter(({ operation }) => operation.tags?.[0] === name),
  }))
  const names = new Set(known.map(({ name }) => name))
  const rest = all.filter(({ operation }) => !names.has(operation.tags?.[0] ?? ''))
  return [...tagged, { name: 'other', description: undefined, operations: rest }].filter(
    ({ operations }) => operations.length > 0,
  )
}

function renderLinks({ name, operations }: Section): string {
  const links = operations.map(
    (placed) =>
      `<li><a href="#${operationAnchor(placed)}"><span class="method ${placed.method}">${placed.method.toUpperCase()}</span> <span class="path">${escapeHtml(
        placed.path,
      )}</span></a></li>`,
  )
  return `<h2><a href="#tag-${anchor(name)}">${escapeHtml(name)}</a></h2>\n<ul>${links.join('\n')}</ul>`
}

function renderSection({ name, description, operations }: Section, document: OpenApiDocument): string {
  return `<section id="tag-${anchor(name)}">
<h2>${escapeHtml(name)}</h2>
${paragraphs(description)}
${operations.map((placed) => renderOperation(placed, document)).join('\n')}
</section>`
}
