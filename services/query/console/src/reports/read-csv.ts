import { addressOf } from '../address.ts'

const maxPages = 100
const rowsOfPage = 10_000

type Ask = (path: string, options: { readonly headers: Record<string, string> }) => Promise<Response>

/**
 * All pages of a report as parts of one file.
 * @throws {Error} when there are more than a file is to hold: a part of a report would look like all of it
 */
export async function readCsv(path: string, ask: Ask): Promise<readonly string[]> {
  const [bare = '', query = ''] = path.split('?')
  const { numbers: _, limit: _limit, ...asked } = Object.fromEntries(new URLSearchParams(query))
  const parts: string[] = []
  let cursor: string | undefined
  for (let page = 0; page < maxPages; page += 1) {
    const response = await ask(addressOf(bare, { ...asked, limit: String(rowsOfPage), cursor }), {
      headers: { accept: 'text/csv' },
    })
    const text = await response.text()
    // Each page begins with the line of names.
    parts.push(page === 0 ? text : text.slice(text.indexOf('\r\n') + 2))
    cursor = response.headers.get('x-next-cursor') ?? undefined
    if (cursor === undefined) return parts
  }
  const most = (maxPages * rowsOfPage).toLocaleString('en')
  throw new Error(
    `The report has more than ${most} rows: nothing was saved. Choose a shorter range, a coarser window or fewer groups.`,
  )
}
