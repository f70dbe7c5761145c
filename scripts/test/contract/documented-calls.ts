import {
  type MediaType,
  type OpenApiDocument,
  type Operation,
  operationsOf,
} from '@millrace/service-kit/docs/openapi-document'

/** A request as it would be sent, in the words of the document. */
export interface Call {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

export interface DocumentedCall {
  readonly id: string
  readonly method: string
  /** With {parameters}. */
  readonly path: string
  readonly operation: Operation
  /** Those that are documented one by one, and `default`. */
  readonly statuses: readonly string[]
  /** One of them suffices; empty for what needs no key. */
  readonly scopes: readonly string[]
}

export function documentedCalls(document: OpenApiDocument): DocumentedCall[] {
  return operationsOf(document).map(({ method, path, operation }) => ({
    id: operation.operationId ?? `${method} ${path}`,
    method: method.toUpperCase(),
    path,
    operation,
    statuses: Object.keys(operation.responses),
    scopes: (operation.security ?? []).flatMap(({ key = [] }) => key),
  }))
}

/** The call as the document's first example has it. */
export function exampleOf({ operation }: DocumentedCall): Call {
  const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? []
  const parameters = operation.parameters ?? []
  const named = (place: string): Record<string, string> =>
    Object.fromEntries(
      parameters
        .filter((it) => it.in === place && it.required === true && it.example !== undefined)
        .map(({ name, example }) => [name, String(example)]),
    )
  return {
    params: named('path'),
    query: named('query'),
    headers: type === undefined ? {} : { 'content-type': type },
    body: media === undefined ? undefined : textOf(examplesOf(media)[0]),
  }
}

/** The call with each of its documented bodies. What is put has the example's name. */
export function allExamplesOf(documented: DocumentedCall): Call[] {
  const call = exampleOf(documented)
  const bodies = Object.entries(documented.operation.requestBody?.content ?? {})
  return bodies.flatMap(([type, { example, examples = {} }]) => {
    const sent = { ...call, headers: { 'content-type': type } }
    const unnamed = example === undefined ? [] : [{ ...sent, body: textOf(example) }]
    const named = Object.entries(examples).map(([name, { value }]) => ({
      ...sent,
      ...('name' in call.params && documented.method === 'PUT' && { params: { name } }),
      body: textOf(value),
    }))
    return [...unnamed, ...named]
  })
}

function examplesOf({ example, examples }: MediaType): unknown[] {
  return [
    ...(example === undefined ? [] : [example]),
    ...Object.values(examples ?? {}).map(({ value }) => value),
  ]
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
