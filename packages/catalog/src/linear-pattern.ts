import { RE2JS } from 're2js'

/** The part of a RegExp that validators use. */
interface Pattern {
  test(text: string): boolean
  /** Validators tell patterns apart by it. */
  toString(): string
}

/**
 * A schema's regular expression on an engine whose time grows with the text only: with JavaScript's own, one pattern
 * such as ^(a+)+$ and one event stop a service for ever. Lookarounds and back-references have no such engine.
 * @throws {Error} whose message says what is wrong with the pattern
 */
export function createLinearPattern(pattern: string): Pattern {
  const compiled = compile(pattern)
  return { test: (text) => compiled.matcher(text).find(), toString: () => pattern }
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(
      `the pattern ${JSON.stringify(pattern)} cannot be used (lookarounds and back-references are not supported): ${reason}`,
    )
  }
}
