/** Each says what is wrong with an attribute's text, or nothing. Source: CloudEvents 1.0.2, "Type System". */

const maxLength = 4_096
const printableAscii = /^[\x20-\x7e]*$/
const refused = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u

// RFC 3986, appendix A. Nothing here can match in two ways, so that a long text takes no longer than its length.
const percent = '%[0-9A-Fa-f]{2}'
const character = `[\\w\\-.~!$&'()*+,;=:@]|${percent}`
const scheme = '[A-Za-z][A-Za-z0-9+.-]*:'
const userInfo = `(?:(?:[\\w\\-.~!$&'()*+,;=:]|${percent})*@)?`
const literal = "\\[(?:[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\\.[\\w\\-.~!$&'()*+,;=:]+)\\]"
const host = `(?:${literal}|(?:[\\w\\-.~!$&'()*+,;=]|${percent})*)`
const segments = `(?:/(?:${character})*)*`
const authority = `//${userInfo}${host}(?::\\d*)?${segments}`
const rooted = `/(?:(?:${character})+${segments})?`
const rootless = `(?:${character})+${segments}`
// The first segment holds no colon: what stands before it would be taken for a scheme.
const relative = `(?:[\\w\\-.~!$&'()*+,;=@]|${percent})+${segments}`
const query = `(?:\\?(?:${character}|[/?])*)?`
const fragment = `(?:#(?:${character}|[/?])*)?`

const uriReference = new RegExp(
  `^(?:${scheme}(?:${authority}|${rooted}|${rootless})?|${authority}|${rooted}|${relative})?${query}${fragment}$`,
)
const absoluteUri = new RegExp(`^${scheme}(?:${authority}|${rooted}|${rootless})?${query}$`)

// RFC 9110, section 8.3.1: type, subtype and parameters.
const mediaType =
  /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+(?:[ \t]*;[ \t]*[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"(?:[^"\\]|\\.)*"))*[ \t]*;?$/

export function checkText(text: string): string | undefined {
  if (text === '') return 'must not be empty'
  if (text.length > maxLength) return `has more than ${maxLength} characters`
  if (printableAscii.test(text)) return undefined
  return refused.test(text)
    ? 'holds control characters, noncharacters or lone surrogates, which no attribute may'
    : undefined
}

export function checkUriReference(text: string): string | undefined {
  const fault = checkText(text)
  if (fault !== undefined) return fault
  if (uriReference.test(text)) return undefined
  return 'has to be a URI reference (RFC 3986): percent-encode blanks and other characters outside it'
}

/** An absolute URI, so without a fragment. */
export function checkUri(text: string): string | undefined {
  const fault = checkText(text)
  if (fault !== undefined) return fault
  if (absoluteUri.test(text)) return undefined
  return 'has to be an absolute URI (RFC 3986, section 4.3): with a scheme, without a fragment'
}

export function checkMediaType(text: string): string | undefined {
  const fault = checkText(text)
  if (fault !== undefined) return fault
  return mediaType.test(text) ? undefined : 'has to be a media type such as "application/json"'
}
