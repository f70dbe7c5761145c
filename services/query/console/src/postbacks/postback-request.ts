/** What the form holds, as text. */
export interface PostbackDraft {
  readonly method: string
  readonly url: string
  /** JSON: an object, or a list of them. */
  readonly data: string
  readonly defaults: string
  /** A line each: `name: value`. */
  readonly headers: string
  /** Empty sends the data object. */
  readonly body: string
  readonly retry: string
}

export type DraftFaults = Partial<Record<keyof PostbackDraft, string>>

export const firstDraft: PostbackDraft = {
  method: 'GET',
  url: '',
  data: '{\n  "mascot": "Gopher",\n  "location": "https://blog.example/gopher.png"\n}',
  defaults: '',
  headers: '',
  body: '',
  retry: 'webhook',
}

export const hasBody = (method: string): boolean => ['POST', 'PUT', 'PATCH'].includes(method)

/**
 * The request's JSON text, or what is wrong. The data is passed on as it was written: numbers keep their digits, which
 * reading and writing them here would cost.
 */
export function toRequest(draft: PostbackDraft): { body: string } | { faults: DraftFaults } {
  const faults: DraftFaults = {}
  if (draft.url.trim() === '') faults.url = 'Say where it goes, such as https://partner.example/hook?id={id}'
  const data = checkJson(draft.data, (value) => Array.isArray(value) || isObject(value))
  if (!data) faults.data = 'This has to be a JSON object, or a list of them.'
  const hasDefaults = draft.defaults.trim() !== ''
  if (hasDefaults && !checkJson(draft.defaults, isObject)) faults.defaults = 'This has to be a JSON object.'
  const headers = readHeaders(draft.headers)
  if (headers === undefined) faults.headers = 'One header a line: name: value'
  if (Object.keys(faults).length > 0) return { faults }
  const template = hasBody(draft.method) && draft.body.trim() !== ''
  const endpoint = {
    method: draft.method,
    url: draft.url.trim(),
    ...(headers !== undefined && Object.keys(headers).length > 0 && { headers }),
    ...(template && { body: draft.body }),
  }
  const list = draft.data.trim().startsWith('[') ? draft.data : `[${draft.data}]`
  const members = [
    `"endpoint":${JSON.stringify(endpoint)}`,
    `"data":${list}`,
    ...(hasDefaults ? [`"defaults":${draft.defaults}`] : []),
    `"retry":${JSON.stringify(draft.retry)}`,
  ]
  return { body: `{${members.join(',')}}` }
}

function readHeaders(text: string): Record<string, string> | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const pairs = lines.map((line) => /^([^\s:]+):\s*(.*)$/.exec(line.trim()))
  if (pairs.some((pair) => pair === null)) return undefined
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']))
}

function checkJson(text: string, fits: (value: unknown) => boolean): boolean {
  try {
    return fits(JSON.parse(text))
  } catch {
    return false
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The address that the first data object leads to, roughly: the service decides. Undefined while the data is no JSON. */
export function previewUrl({ url, data, defaults }: PostbackDraft): string | undefined {
  if (!checkJson(data, (value) => Array.isArray(value) || isObject(value))) return undefined
  const parsed = JSON.parse(data) as unknown
  const first: unknown = Array.isArray(parsed) ? parsed[0] : parsed
  const fallback = checkJson(defaults, isObject) ? (JSON.parse(defaults) as Record<string, unknown>) : {}
  return url.replace(/\{([^{}]+)\}/g, (_, key: string) => {
    const found = lookUp(first, key) ?? fallback[key] ?? ''
    const text = typeof found === 'string' ? found : JSON.stringify(found)
    return encodeURIComponent(text).replace(
      /[!'()*]/g,
      (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
    )
  })
}

function lookUp(value: unknown, key: string): unknown {
  if (!isObject(value)) return undefined
  if (key in value) return value[key]
  return key.split('.').reduce<unknown>((at, name) => {
    if (Array.isArray(at)) return at[Number(name)] as unknown
    return isObject(at) ? at[name] : undefined
  }, value)
}
