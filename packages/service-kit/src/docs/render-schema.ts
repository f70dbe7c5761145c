import { anchor, escapeHtml, inline } from './html.ts'
import type { Schema } from './openapi-document.ts'

/** A schema as people read it: its type in a line, its members in a list. Named schemas are linked, not repeated. */
export function renderSchema(schema: Schema): string {
  return `<p class="type">${describeType(schema)}${describeLimits(schema)}</p>${renderMembers(schema)}`
}

/** The type in words; HTML. */
export function describeType(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)
    return `<a href="#schema-${anchor(name)}">${escapeHtml(name)}</a>`
  }
  if (schema.const !== undefined) return `<code>${escapeHtml(JSON.stringify(schema.const))}</code>`
  if (schema.enum !== undefined) {
    return schema.enum.map((value) => `<code>${escapeHtml(JSON.stringify(value))}</code>`).join(' or ')
  }
  const alternatives = schema.anyOf ?? schema.oneOf
  if (alternatives !== undefined) return alternatives.map(describeType).join(' or ')
  if (schema.type === 'array')
    return `list of ${schema.items === undefined ? 'anything' : describeType(schema.items)}`
  if (schema.type === undefined) return 'anything'
  const types = typeof schema.type === 'string' ? schema.type : schema.type.join(' or ')
  return escapeHtml(schema.format === undefined ? types : `${types} (${schema.format})`)
}

function describeLimits(schema: Schema): string {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern } = schema
  const limits = [
    range(minimum, maximum, ''),
    range(minLength, maxLength, ' characters'),
    range(minItems, maxItems, ' items'),
    pattern === undefined ? '' : `matches <code>${escapeHtml(pattern)}</code>`,
    schema.default === undefined ? '' : `default <code>${escapeHtml(JSON.stringify(schema.default))}</code>`,
  ].filter((text) => text !== '')
  return limits.map((text) => `, ${text}`).join('')
}

function range(low: number | undefined, high: number | undefined, unit: string): string {
  const text = (value: number): string => value.toLocaleString('en')
  if (low !== undefined && high !== undefined) return `${text(low)} to ${text(high)}${unit}`
  if (low !== undefined && low !== 0)
    return `at least ${text(low)}${low === 1 ? unit.replace(/s$/, '') : unit}`
  return high === undefined ? '' : `at most ${text(high)}${unit}`
}

/** What is below the type: members of objects, of the elements of lists, of alternatives. */
function renderMembers(schema: Schema): string {
  if (schema.$ref !== undefined) return ''
  const below = [
    ...(schema.items === undefined ? [] : [schema.items]),
    ...(schema.anyOf ?? schema.oneOf ?? []),
  ].map(renderMembers)
  const members = Object.entries(schema.properties ?? {}).map(([name, member]) =>
    renderMember(escapeHtml(name), member, schema.required?.includes(name) ?? false),
  )
  if (typeof schema.additionalProperties === 'object') {
    members.push(renderMember('<i>any name</i>', schema.additionalProperties, false))
  }
  const list = members.length === 0 ? '' : `<ul class="members">${members.join('\n')}</ul>`
  return list + below.join('')
}

function renderMember(name: string, schema: Schema, required: boolean): string {
  const description = schema.description === undefined ? '' : ` <span>${inline(schema.description)}</span>`
  const line = `<code class="name">${name}</code> <span class="type">${describeType(schema)}${describeLimits(schema)}</span>${
    required ? ' <b class="required">required</b>' : ''
  }${description}`
  return `<li>${line}${renderMembers(schema)}</li>`
}
