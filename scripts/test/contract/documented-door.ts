import type { OpenApiDocument } from '@millrace/service-kit/docs/openapi-document'
import { type Answer, createAnswerCheck } from './check-answer.ts'
import { type Call, type DocumentedCall, documentedCalls } from './documented-calls.ts'

export interface SendOptions {
  /** Undefined sends none. */
  readonly key: string | undefined
  /** Another instance of the same door. */
  readonly address?: string
}

/** A running door together with its own document: whatever it answers is held against that. */
export interface DocumentedDoor {
  readonly document: OpenApiDocument
  readonly calls: readonly DocumentedCall[]
  /** @throws when no such call is documented */
  call(id: string): DocumentedCall
  send(documented: DocumentedCall, call: Call, options: SendOptions): Promise<Answer>
  /** What about the answers so far was not as documented. */
  readonly faults: readonly string[]
}

export async function openDoor(address: string): Promise<DocumentedDoor> {
  const document = (await (await fetch(`${address}/openapi.json`)).json()) as OpenApiDocument
  const check = createAnswerCheck(document)
  const calls = documentedCalls(document)
  const faults: string[] = []
  return {
    document,
    calls,
    faults,
    call(id) {
      const found = calls.find((it) => it.id === id)
      if (found === undefined) throw new Error(`no call ${id} is documented`)
      return found
    },
    async send(documented, call, options) {
      const answer = await exchange(options.address ?? address, documented, call, options.key)
      const told = check.faultsOf(documented, answer)
      if (answer.status < 300 && call.body !== undefined) {
        const type = call.headers['content-type'] ?? ''
        told.push(
          ...check.bodyFaultsOf(documented, type, call.body).map((fault) => `accepted, although ${fault}`),
        )
      }
      faults.push(
        ...told.map((fault) => `${documented.id} ${answer.status}: ${fault}: ${answer.text.slice(0, 300)}`),
      )
      return answer
    },
  }
}

async function exchange(
  address: string,
  { method, path }: DocumentedCall,
  { params, query, headers, body }: Call,
  key: string | undefined,
): Promise<Answer> {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
  const search = new URLSearchParams(query).toString()
  const stop = new AbortController()
  const response = await fetch(`${address}${filled}${search && `?${search}`}`, {
    method,
    headers: { ...(key !== undefined && { authorization: `Bearer ${key}` }), ...headers },
    ...(body !== undefined && { body }),
    signal: stop.signal,
  })
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  const text = isStream ? await firstEvent(response) : await response.text()
  stop.abort()
  return { status: response.status, headers: response.headers, text }
}

/** Of a stream that does not end. */
async function firstEvent(response: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (/^event: .*\n[\s\S]*\n\n/m.test(text)) break
  }
  return text
}
