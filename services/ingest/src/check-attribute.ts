/** Each says what is wrong with an attribute's text, or nothing. Source: CloudEvents 1.0.2, "Type System". */

const maxLength = 4_096
const printableAscii = /^[\x20-\x7e]*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const refused = /[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef]|\p{Cs}|[\ufffe\uffff]/u
const uriCharacters = /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/
const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:./
// RFC 9110, section 8.3.1: type, subtype and parameters.
const mediaType =
  /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+(?:[ \t]*;[ \t]*[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"(?:[^"\\]|\\.)*"))*[ \t]*;?$/

export function checkText(text: string): string | undefined {
  if (text === '') return 'must not be empty'
  if (text.length > maxLength) return `has more than ${maxLength} characters`
  if (printableAscii.test(text)) return undefined
  return refused.test(text) ? 'holds control characters or broken Unicode' : undefined
}

export function checkUriReference(text: string): string | undefined {
  const fault = checkText(text)
  if (fault !== undefined) return fault
  if (uriCharacters.test(text) && text.indexOf('#') === text.lastIndexOf('#')) return undefined
  return 'has to be a URI reference (RFC 3986): percent-encode blanks and other characters outside it'
}

export function checkUri(text: string): string | undefined {
  const fault = checkUriReference(text)
  if (fault !== undefined) return fault
  return scheme.test(text) ? undefined : 'has to be a URI with a scheme'
}

export function checkMediaType(text: string): string | undefined {
  const fault = checkText(text)
  if (fault !== undefined) return fault
  return mediaType.test(text) ? undefined : 'has to be a media type such as "application/json"'
}
