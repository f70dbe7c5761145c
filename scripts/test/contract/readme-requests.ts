import { execFileSync } from 'node:child_process'

export interface ReadmeRequest {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/**
 * The requests that the curl commands of a page's shell examples make. A shell reads the commands, as it would for
 * people; only curl itself is replaced by something that tells its arguments.
 */
export function readmeRequests(page: string, key: string): ReadmeRequest[] {
  const examples = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text = '']) => text)
  const script = `curl() { printf '%s\\0' "$@"; printf '\\n\\0'; }
cat() { printf '%s' "$ROOT_KEY"; }
${examples.join('\n')}`
  const told = execFileSync('sh', ['-euc', script], { env: { ROOT_KEY: key }, encoding: 'utf8' })
  return told
    .split('\n\0')
    .filter((command) => command !== '')
    .map((command) => toRequest(command.split('\0').slice(0, -1)))
}

/** @throws for an option that is not known here */
function toRequest(words: readonly string[]): ReadmeRequest {
  let method: string | undefined
  let url = ''
  let body: string | undefined
  const headers: Record<string, string> = {}
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (!word.startsWith('-')) {
      url = word
      continue
    }
    at += 1
    const value = words[at] ?? ''
    if (word === '-X') method = value
    else if (word === '-d') body = value
    else if (word === '-H')
      headers[value.slice(0, value.indexOf(':'))] = value.slice(value.indexOf(':') + 1).trim()
    else throw new Error(`the option ${word} of curl is not known here`)
  }
  return { url: `http://${url}`, method: method ?? (body === undefined ? 'GET' : 'POST'), headers, body }
}
