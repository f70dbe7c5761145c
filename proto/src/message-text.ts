import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { protoDirectory } from './proto-files.ts'

interface Declaration {
  readonly name: string
  /** With the comment above it. */
  readonly text: string
}

/**
 * A message's definition as one .proto file that needs no other: itself first, then whatever it is made of.
 * @throws when there is no such message
 */
export function messageText(name: string): string {
  const known = readDeclarations()
  const wanted = [name]
  // Grows while it is walked: what a declaration names is looked at after it.
  for (const next of wanted) {
    const declaration = known.get(next)
    if (declaration === undefined) throw new Error(`no .proto file declares ${next}`)
    for (const [word] of withoutComments(declaration.text).matchAll(/\b[A-Z]\w*/g)) {
      if (known.has(word) && !wanted.includes(word)) wanted.push(word)
    }
  }
  const texts = wanted.map((it) => known.get(it)?.text ?? '')
  return `syntax = "proto3";\n\npackage millrace.v1;\n\n${texts.join('\n\n')}\n`
}

/** Messages and enumerations of all files; they stand at the beginning of a line, and end with a brace at one. */
function readDeclarations(): ReadonlyMap<string, Declaration> {
  const directory = join(protoDirectory, 'millrace/v1')
  const found = new Map<string, Declaration>()
  for (const file of readdirSync(directory).sort()) {
    const text = readFileSync(join(directory, file), 'utf8')
    for (const [whole, name = ''] of text.matchAll(
      /^(?:\/\/.*\n)*(?:message|enum) (\w+) \{(?:\}|[\s\S]*?^\})/gm,
    )) {
      found.set(name, { name, text: whole })
    }
  }
  return found
}

function withoutComments(text: string): string {
  return text.replace(/\/\/.*$/gm, '')
}
