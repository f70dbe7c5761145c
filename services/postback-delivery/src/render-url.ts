import { type MacroSources, RenderError, renderUrlTemplate } from './render-template.ts'

export interface RenderedUrl {
  /** Scheme, host and port. */
  readonly origin: string
  /** Path and query, as they go on the wire. */
  readonly target: string
  readonly pathname: string
}

/** Servers take less; the record of the attempt holds it whole. */
const longestUrl = 65_536

const start = /^(https?):\/\/([^/?#\\]+)/i

/** URLs without macros are the same each time: most receivers' are. */
const fixedUrls = new Map<string, RenderedUrl>()
const maxFixedUrls = 4_096
const longestFixedUrl = 1_024

/**
 * Fills in a URL's macros.
 * @throws {RenderError} when the URL is not one that may be called: macros must not choose the host, nor leave the
 *   folder that the template names
 */
export function renderUrl(template: string, sources: MacroSources): RenderedUrl {
  const known = fixedUrls.get(template)
  if (known !== undefined) return known
  const rendered = fillIn(template, sources)
  if (template.length <= longestFixedUrl && !template.includes('{')) {
    if (fixedUrls.size >= maxFixedUrls) fixedUrls.clear()
    fixedUrls.set(template, rendered)
  }
  return rendered
}

function fillIn(template: string, sources: MacroSources): RenderedUrl {
  const [beginning, , authority = ''] = start.exec(template) ?? []
  if (beginning === undefined)
    throw new RenderError('the URL does not start with http:// or https:// and a host')
  if (/[{}]/.test(authority)) throw new RenderError('macros are not allowed in scheme, host and port')
  const rendered = renderUrlTemplate(template, sources)
  if (rendered.length > longestUrl) throw new RenderError(`the URL is longer than ${longestUrl} characters`)
  const fixed = parse(`${beginning}/`)
  const url = parse(rendered)
  // Whatever leniency a URL parser has: the values must not have moved the request elsewhere.
  if (url.origin !== fixed.origin) throw new RenderError('macros must not change the host')
  if (url.username !== '' || url.password !== '') {
    throw new RenderError('credentials do not belong in the URL: send a header')
  }
  if (hasDotSegment(rendered) && !hasDotSegment(template)) {
    throw new RenderError('a value makes the path leave its folder: "." and ".." cannot be path segments')
  }
  return { origin: url.origin, target: url.pathname + url.search, pathname: url.pathname }
}

function parse(text: string): URL {
  const url = URL.parse(text)
  if (url === null) throw new RenderError('the URL is not valid')
  return url
}

function hasDotSegment(url: string): boolean {
  const path = url.replace(start, '').split(/[?#]/)[0] ?? ''
  return path.split(/[/\\]/).some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))
}
