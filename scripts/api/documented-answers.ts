import { type OpenApiDocument, operationsOf } from '@millrace/service-kit/docs/openapi-document'

export interface GivenAnswer {
  readonly method: string
  /** As the document has it, with {parameters}, or as it was asked for. */
  readonly path: string
  readonly status: number
}

/** What any call may be answered, under `default`: it did not arrive, its address or headers are too long, a fault of ours. */
const ofAnyCall: ReadonlySet<number> = new Set([408, 414, 431, 500])

/** Says which answer a document does not have; nothing for those that it has, and for calls that it does not know. */
export function undocumentedAnswer(
  document: Pick<OpenApiDocument, 'paths'>,
  { method, path, status }: GivenAnswer,
): string | undefined {
  const found = operationsOf(document).find(
    (it) => it.method === method.toLowerCase() && (it.path === path || patternOf(it.path).test(path)),
  )
  if (found === undefined || ofAnyCall.has(status) || String(status) in found.operation.responses)
    return undefined
  return `${method} ${found.path} was answered with ${status}, which is not documented`
}

function patternOf(path: string): RegExp {
  const parts = path.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^/]*')}$`)
}
