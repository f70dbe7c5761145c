import type {
  Response as Documented,
  Header,
  OpenApiDocument,
} from '@millrace/service-kit/docs/openapi-document'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { DocumentedCall } from './documented-calls.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export interface AnswerCheck {
  /** What about an answer is not as the document says; `default` stands for all statuses that have no entry. */
  faultsOf(documented: DocumentedCall, answer: Answer): string[]
  /** What about a request's JSON body is not as the document says. */
  bodyFaultsOf(documented: DocumentedCall, mediaType: string, body: string): string[]
}

const documentId = 'openapi.json'

export function createAnswerCheck(document: OpenApiDocument): AnswerCheck {
  const ajv = new Ajv2020({ strict: false, logger: false, allErrors: true })
  formats.default(ajv)
  ajv.addSchema(closed(document) as object, documentId)
  const compiled = new Map<string, ValidateFunction>()
  const check = (pointer: string, value: unknown): string[] => {
    const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `${documentId}#${pointer}` })
    compiled.set(pointer, validate)
    if (validate(value)) return []
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${instancePath || 'the body'} ${message} ${JSON.stringify(params)}`,
    )
  }
  return {
    faultsOf(documented, answer) {
      const status = String(answer.status) in documented.operation.responses ? answer.status : 'default'
      const place = resolve(document, `${pointerOf(documented)}/responses/${status}`)
      const response = valueAt(document, place) as Documented
      return [
        ...headerFaults(document, response, answer),
        ...contentFaults(response, answer, (type, value) =>
          check(`${place}/content/${escapePointer(type)}/schema`, value),
        ),
      ]
    },
    bodyFaultsOf(documented, mediaType, body) {
      if (!isJson(mediaType)) return []
      return check(
        `${pointerOf(documented)}/requestBody/content/${escapePointer(mediaType)}/schema`,
        JSON.parse(body),
      )
    },
  }
}

/** Members that no schema names are faults: whoever reads the document would not know of them. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, closed(member)]))
  const isOpen = members.type === 'object' && 'properties' in members && !('additionalProperties' in members)
  return isOpen ? { ...members, additionalProperties: false } : members
}

function headerFaults(document: OpenApiDocument, { headers = {} }: Documented, answer: Answer): string[] {
  const always = ['x-request-id', ...(answer.status === 429 ? ['RateLimit', 'RateLimit-Policy'] : [])]
  const needed = Object.keys(headers).filter((name) => always.includes(name) || !optionalHeaders.has(name))
  const missing = needed
    .filter((name) => !answer.headers.has(name))
    .map((name) => `the header ${name} is missing`)
  const wrong = Object.entries(headers).flatMap(([name, given]) => {
    const header = (given.$ref === undefined ? given : valueAt(document, given.$ref.slice(1))) as Header
    const text = answer.headers.get(name)
    const { pattern = '', const: constant } = header.schema ?? {}
    const fits =
      text === null || (new RegExp(pattern).test(text) && (constant === undefined || constant === text))
    return fits ? [] : [`the header ${name} is ${text}`]
  })
  return [...missing, ...wrong]
}

/** Sent in some cases only, as their descriptions say. */
const optionalHeaders: ReadonlySet<string> = new Set([
  'RateLimit',
  'RateLimit-Policy',
  'x-next-cursor',
  'x-millrace-stale',
])

function contentFaults(
  { content }: Documented,
  { headers, text }: Answer,
  check: (type: string, value: unknown) => string[],
): string[] {
  if (content === undefined) return text === '' ? [] : ['has a body although none is documented']
  const type = headers.get('content-type')?.split(';', 1)[0] ?? ''
  if (!(type in content))
    return [`the content-type is ${type}, documented: ${Object.keys(content).join(', ')}`]
  return check(type, isJson(type) ? JSON.parse(text) : text)
}

function isJson(mediaType: string): boolean {
  return /[/+]json$/.test(mediaType)
}

function pointerOf({ path, method }: DocumentedCall): string {
  return `/paths/${escapePointer(path)}/${method.toLowerCase()}`
}

/** Where a pointer leads: to the place itself, or to what is referred to there. */
function resolve(document: OpenApiDocument, pointer: string): string {
  const { $ref } = valueAt(document, pointer) as { $ref?: string }
  return $ref === undefined ? pointer : $ref.slice(1)
}

function valueAt(document: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], document)
}

/** For a JSON Pointer in the fragment of a URI. */
function escapePointer(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))
}
