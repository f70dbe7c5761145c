import { call } from '../api.ts'
import { readCsv } from './read-csv.ts'

/** All pages of a report as one file. @throws {Error} that says why there is none */
export async function downloadCsv(path: string, name: string): Promise<void> {
  const parts = await readCsv(path, call)
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([...parts], { type: 'text/csv' }))
  link.download = `${name}.csv`
  link.click()
  URL.revokeObjectURL(link.href)
}
