import { findValue, type MacroValue } from './macro-values.ts'

/** What a macro may take its value from: the data object, then the request's defaults, then the server's: nothing. */
export interface MacroSources {
  readonly data: unknown
  readonly defaults: Readonly<Record<string, string>>
}

/** Why a delivery cannot be turned into a request. Another attempt would fail in the same way. */
export class RenderError extends Error {
  override readonly name = 'RenderError'
}

const urlMacro = /\{([^{}]+)\}/g
// Without quotes: in a JSON template the braces of an object are not those of a macro.
const bodyMacro = /\{([^{}"\s](?:[^{}"]*[^{}"\s])?)\}/g

/** Replaces each {key} of a URL once; what a value brings along is never looked at again. */
export function renderUrlTemplate(template: string, sources: MacroSources): string {
  return template.replace(urlMacro, (_macro, key: string) => percentEncode(macroValue(sources, key).text))
}

/** Replaces each {key} of a body once, written as the body's media type asks for. */
export function renderBodyTemplate(template: string, sources: MacroSources, contentType: string): string {
  const write = bodyWriter(contentType)
  return template.replace(bodyMacro, (_macro, key: string) => write(macroValue(sources, key)))
}

function macroValue({ data, defaults }: MacroSources, key: string): MacroValue {
  return (
    findValue(data, key) ?? {
      kind: 'string',
      text: Object.hasOwn(defaults, key) ? (defaults[key] ?? '') : '',
    }
  )
}

function bodyWriter(contentType: string): (value: MacroValue) => string {
  const mediaType = contentType.split(';')[0]?.trim().toLowerCase() ?? ''
  if (mediaType === 'application/json' || mediaType.endsWith('+json')) {
    // Inside the quotes that the template has; numbers, objects and the like stand by themselves.
    return ({ kind, text }) => (kind === 'string' ? JSON.stringify(text).slice(1, -1) : text)
  }
  if (mediaType === 'application/x-www-form-urlencoded') return ({ text }) => percentEncode(text)
  return ({ text }) => text
}

const reserved: Readonly<Record<string, string>> = {
  '!': '%21',
  "'": '%27',
  '(': '%28',
  ')': '%29',
  '*': '%2A',
}

/** RFC 3986: only A-Z a-z 0-9 - . _ ~ stay. A lone surrogate, which has no UTF-8, becomes U+FFFD. */
function percentEncode(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => reserved[character] ?? character,
  )
}
