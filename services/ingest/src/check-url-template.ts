const form = /^([^:/?#]*):\/\/([^/?#]*)(.*)$/s
const macro = /\{[^{}]+\}/g
const maxLength = 8_192

/**
 * What is wrong with the URL of a postback, whose {macros} are not filled in yet. They may stand behind the authority
 * only: data never decides who is called.
 */
export function checkUrlTemplate(template: string): string | undefined {
  if (template.length > maxLength) return `has more than ${maxLength} characters`
  // URL parsers drop or reinterpret these, so that a check before would see another address than the request goes to.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u0020\u007f\\]/.test(template))
    return 'must not hold blanks, control characters or backslashes'
  const [, scheme, authority, rest = ''] = form.exec(template) ?? []
  if (scheme === undefined || authority === undefined) return 'has to be an absolute URL: https://host/path'
  if (/[{}]/.test(scheme + authority)) return 'must not have macros in scheme, host or port'
  if (!/^https?$/i.test(scheme)) return 'has to begin with http:// or https://'
  // A URL parser would take the path's first part for the host.
  if (authority === '') return 'has no host'
  if (authority.includes('@')) return 'must not have a user name or password'
  try {
    new URL(`${scheme}://${authority}${rest.replace(macro, 'x')}`)
    return undefined
  } catch {
    return 'is not a valid URL'
  }
}
