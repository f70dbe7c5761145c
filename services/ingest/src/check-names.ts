import type { Fault } from '@millrace/service-kit/errors'
import { skipString } from './scan-json.ts'

/** What is open at a place of a JSON text: an object with its names so far, or an array. */
interface Level {
  readonly names: Set<string> | undefined
  name: string
  index: number
}

const quote = 0x22
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const colon = 0x3a
const comma = 0x2c

/**
 * The first name of a JSON text that stands twice in one object, so that two readers could read two values, or that
 * is `__proto__`, which many readers lose. The text has to be valid; one scan, without recursion.
 */
export function checkNames(json: Buffer): Fault | undefined {
  const levels: Level[] = []
  // Where the text began that is a name if a colon follows.
  let start = -1
  let end = -1
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at]
    const level = levels.at(-1)
    if (byte === quote) {
      start = at
      end = skipString(json, at)
      at = end - 1
    } else if (byte === colon && level?.names !== undefined) {
      level.name = JSON.parse(json.toString('utf8', start, end)) as string
      const detail = faultOf(level.name, level.names)
      if (detail !== undefined) return { pointer: pointerTo(levels), detail }
      level.names.add(level.name)
    } else if (byte === openBrace || byte === openBracket) {
      levels.push({ names: byte === openBrace ? new Set() : undefined, name: '', index: 0 })
    } else if (byte === closeBrace || byte === closeBracket) {
      levels.pop()
    } else if (byte === comma && level !== undefined) {
      level.index += 1
    }
  }
  return undefined
}

function faultOf(name: string, names: ReadonlySet<string>): string | undefined {
  if (name === '__proto__') return 'is a name that no member may have'
  return names.has(name) ? 'is given more than once' : undefined
}

function pointerTo(levels: readonly Level[]): string {
  return levels
    .map(({ names, name, index }) =>
      names === undefined ? `/${index}` : `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
    )
    .join('')
}
