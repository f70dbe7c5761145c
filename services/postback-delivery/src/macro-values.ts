/** A value of a data object, as macros see it. Numbers keep the digits of their JSON text. */
export type MacroValue =
  | { readonly kind: 'string'; readonly text: string }
  /** A number or a boolean: as written. */
  | { readonly kind: 'literal'; readonly text: string }
  /** An object or an array: its JSON text. */
  | { readonly kind: 'json'; readonly text: string }

// In the language since V8 11.4; TypeScript's es2024 library does not have it yet.
const json = JSON as unknown as {
  rawJSON(text: string): object
  isRawJSON(value: unknown): value is { readonly rawJSON: string }
  parse(text: string, reviver: (key: string, value: unknown, context: { source: string }) => unknown): unknown
}

/**
 * Parses a data object. 1.10 and 12345678901234567890 stay what they are: JavaScript's numbers would change them.
 * @throws {SyntaxError} when it is not JSON
 */
export function parseData(data: Buffer): unknown {
  return json.parse(data.toString('utf8'), (_key, value, { source }) =>
    typeof value === 'number' ? json.rawJSON(source) : value,
  )
}

/** Finds `key` as it stands, else by its dots, level by level. Absent and null are the same: there is no value. */
export function findValue(data: unknown, key: string): MacroValue | undefined {
  const direct = member(data, key)
  if (direct !== undefined || !key.includes('.')) return toMacroValue(direct)
  return toMacroValue(key.split('.').reduce(member, data))
}

/** Own members only: `{constructor}` and `{length}` are no values. */
function member(container: unknown, name: string): unknown {
  if (typeof container !== 'object' || container === null || json.isRawJSON(container)) return undefined
  if (Array.isArray(container) && !/^\d+$/.test(name)) return undefined
  return Object.hasOwn(container, name) ? (container as Record<string, unknown>)[name] : undefined
}

function toMacroValue(value: unknown): MacroValue | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return { kind: 'string', text: value }
  if (typeof value === 'boolean') return { kind: 'literal', text: String(value) }
  if (json.isRawJSON(value)) return { kind: 'literal', text: value.rawJSON }
  return { kind: 'json', text: JSON.stringify(value) }
}
