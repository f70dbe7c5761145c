import { anchor, escapeHtml, inline, json, paragraphs } from './html.ts'
import type {
  Content,
  Header,
  MediaType,
  OpenApiDocument,
  Operation,
  Parameter,
  Response,
} from './openapi-document.ts'
import { describeType, renderSchema } from './render-schema.ts'

export interface PlacedOperation {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

export function operationAnchor({ method, path, operation }: PlacedOperation): string {
  return anchor(operation.operationId ?? `${method}-${path}`)
}

export function renderOperation(placed: PlacedOperation, document: OpenApiDocument): string {
  const { method, path, operation } = placed
  const id = operationAnchor(placed)
  const scopes = (operation.security ?? []).flatMap((requirement) => Object.values(requirement).flat())
  const access =
    operation.security?.length === 0
      ? 'Needs no key.'
      : scopes.map((scope) => `Needs the scope <code>${escapeHtml(scope)}</code>.`).join(' ')
  return `<article id="${id}">
<h3><a href="#${id}"><span class="method ${method}">${method.toUpperCase()}</span> <code>${escapeHtml(path)}</code></a></h3>
<p class="summary">${inline(operation.summary ?? '')}</p>
${paragraphs(operation.description)}
<p class="access">${access}</p>
${renderParameters(operation.parameters ?? [])}
${operation.requestBody === undefined ? '' : `<h4>Body</h4>\n${renderContent(operation.requestBody.content)}`}
<h4>Answers</h4>
${Object.entries(operation.responses)
  .map(([status, response]) => renderAnswer(status, response, document))
  .join('\n')}
</article>`
}

function renderParameters(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return ''
  const rows = parameters.map(
    ({ name, in: place, required, description, schema = {}, example, examples }) => {
      const shown = example ?? Object.values(examples ?? {})[0]?.value
      const such = shown === undefined ? '' : ` Such as <code>${json(shown)}</code>.`
      return `<tr><td><code>${escapeHtml(name)}</code>${required === true ? ' <b class="required">required</b>' : ''}</td><td>${escapeHtml(
        place,
      )}</td><td>${describeType(schema)}</td><td>${inline(description ?? '')}${such}</td></tr>`
    },
  )
  return `<h4>Parameters</h4>
<div class="wide"><table><thead><tr><th>name</th><th>in</th><th>type</th><th>meaning</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`
}

function renderContent(content: Content): string {
  return Object.entries(content)
    .map(([type, media], index) => {
      const open = index === 0 ? ' open' : ''
      return `<details${open}><summary><code>${escapeHtml(type)}</code></summary>${renderMedia(media)}</details>`
    })
    .join('\n')
}

function renderMedia({ schema, example, examples }: MediaType): string {
  const named = Object.entries(examples ?? {}).map(
    ([name, { summary, value }]) => [summary ?? name, value] as const,
  )
  const all = example === undefined ? named : [['For example', example] as const, ...named]
  const shown = all.map(
    ([title, value]) =>
      `<figure><figcaption>${inline(title)}</figcaption><pre tabindex="0">${json(value)}</pre></figure>`,
  )
  return `${schema === undefined ? '' : renderSchema(schema)}${shown.join('\n')}`
}

function renderAnswer(status: string, given: Response, document: OpenApiDocument): string {
  const response = given.$ref === undefined ? given : findComponent<Response>(document, given.$ref)
  const headers = Object.entries(response.headers ?? {}).map(([name, header]) =>
    renderHeader(name, header, document),
  )
  const kind = /^\d/.test(status) ? `s${status[0]}` : 'other'
  return `<details class="answer"><summary><b class="status ${kind}">${escapeHtml(status)}</b> ${inline(
    response.description ?? '',
  )}</summary>
${response.content === undefined ? '<p>Without a body.</p>' : renderContent(response.content)}
${headers.length === 0 ? '' : `<h5>Headers</h5><ul class="members">${headers.join('\n')}</ul>`}</details>`
}

function renderHeader(name: string, given: Header, document: OpenApiDocument): string {
  const { description = '', schema = {} } =
    given.$ref === undefined ? given : findComponent<Header>(document, given.$ref)
  return `<li><code class="name">${escapeHtml(name.toLowerCase())}</code> <span class="type">${describeType(schema)}</span> <span>${inline(
    description,
  )}</span></li>`
}

/** What "#/components/<kind>/<name>" stands for. */
function findComponent<Component extends Response | Header>(
  document: OpenApiDocument,
  reference: string,
): Component {
  const [kind = '', name = ''] = reference.replace('#/components/', '').split('/')
  const found = (document.components as Record<string, Record<string, Component>>)[kind]?.[name]
  if (found === undefined) throw new Error(`the document has no ${reference}`)
  return found
}
