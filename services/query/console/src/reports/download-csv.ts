import { addressOf } from '../address.ts'
import { call } from '../api.ts'

const maxPages = 100

/** All pages of a report as one file. @throws {ApiError} */
export async function downloadCsv(path: string, name: string): Promise<void> {
  const [bare = '', query = ''] = path.split('?')
  const { numbers: _, limit: _limit, ...asked } = Object.fromEntries(new URLSearchParams(query))
  const parts: string[] = []
  let cursor: string | undefined
  for (let page = 0; page < maxPages; page += 1) {
    const response = await call(addressOf(bare, { ...asked, limit: '10000', cursor }), {
      headers: { accept: 'text/csv' },
    })
    const text = await response.text()
    // Each page begins with the line of names.
    parts.push(page === 0 ? text : text.slice(text.indexOf('\r\n') + 2))
    cursor = response.headers.get('x-next-cursor') ?? undefined
    if (cursor === undefined) break
  }
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob(parts, { type: 'text/csv' }))
  link.download = `${name}.csv`
  link.click()
  URL.revokeObjectURL(link.href)
}
