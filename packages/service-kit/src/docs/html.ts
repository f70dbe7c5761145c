const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => names[character] ?? character)
}

/** Text with `code` in backticks. */
export function inline(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>')
}

/** Text of several paragraphs, parted by empty lines. */
export function paragraphs(text: string | undefined): string {
  if (text === undefined || text === '') return ''
  return text
    .split(/\n{2,}/)
    .map((part) => `<p>${inline(part)}</p>`)
    .join('\n')
}

export function json(value: unknown): string {
  return escapeHtml(typeof value === 'string' ? value : JSON.stringify(value, null, 2))
}

/** Text that can stand in an id and in the address of a link. */
export function anchor(text: string): string {
  return text.replace(/[^\w-]+/g, '-').replace(/^-|-$/g, '')
}
