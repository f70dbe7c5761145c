/**
 * Levels of objects and arrays that `data` may nest. What validates, groups and writes JSON recurses; how deep it can
 * depends on the stack it is called on, and a range of the log has to be judged equally each time it is read.
 */
export const maxJsonDepth = 128

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/** Whether JSON text nests deeper than `maxJsonDepth`. One scan without recursion; of other bytes it says something, always the same. */
export function isNestedTooDeep(json: Uint8Array): boolean {
  // Each level takes a byte at least.
  if (json.length <= maxJsonDepth) return false
  let depth = 0
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at]
    if (byte === quote) {
      at += 1
      while (at < json.length && json[at] !== quote) at += json[at] === backslash ? 2 : 1
    } else if (byte === openBrace || byte === openBracket) {
      depth += 1
      if (depth > maxJsonDepth) return true
    } else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1
    }
  }
  return false
}
