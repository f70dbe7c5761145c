import t from 'tap'
import { readCsv } from '../../console/src/reports/read-csv.ts'

function startReport(pages: number) {
  const asked: URLSearchParams[] = []
  const ask = async (path: string): Promise<Response> => {
    asked.push(new URLSearchParams(path.split('?')[1]))
    const headers = asked.length < pages ? { 'x-next-cursor': `c${asked.length}` } : {}
    return new Response(`page,value\r\n/${asked.length},1\r\n`, { headers })
  }
  return { ask, asked }
}

t.test('pages become one file with one line of names', async (t) => {
  const { ask, asked } = startReport(3)
  const parts = await readCsv('/v1/reports/visits?window=hour&numbers=string&limit=100', ask)
  t.equal(parts.join(''), 'page,value\r\n/1,1\r\n/2,1\r\n/3,1\r\n')
  t.same(asked.map(String), [
    'window=hour&limit=10000',
    'window=hour&limit=10000&cursor=c1',
    'window=hour&limit=10000&cursor=c2',
  ])
})

t.test('a report with more rows than a file holds is refused, not cut', async (t) => {
  const whole = startReport(100)
  t.equal((await readCsv('/v1/reports/visits', whole.ask)).length, 100)
  const { ask, asked } = startReport(101)
  await t.rejects(readCsv('/v1/reports/visits', ask), /more than 1,000,000 rows/)
  t.equal(asked.length, 100)
})
