import t from 'tap'
import type { JourneyResult } from '../../demo/flights-journey.ts'
import { describeResult } from '../../demo/print-result.ts'

const figures = { flights: 2, meanDelay: 17.5 }
const agreeing = { key: '2001-01 ATL', mesh: figures, file: figures, agrees: true }
const result: JourneyResult = {
  flights: 2,
  sent: 3,
  counted: 2,
  byMonth: [agreeing],
  worst: [agreeing],
  postbacks: { requested: 1, arrived: 1, faults: [], reportedDelivered: 1 },
  refused: 1,
  streamReconnects: 0,
  agrees: true,
}

t.test('a result that agrees says so in every part', async (t) => {
  const text = describeResult(result).join('\n')
  t.notMatch(text, /DISAGREES/)
  t.match(text, /2001-01 ATL +2 +2 +17\.500 +17\.500 {2}agrees/)
})

t.test('groups that disagree are the ones that are shown', async (t) => {
  const wrong = { key: '2001-02 ATL', mesh: { ...figures, flights: 3 }, file: figures, agrees: false }
  const text = describeResult({ ...result, byMonth: [agreeing, wrong] }).join('\n')
  t.match(text, /2001-02 ATL +3 +2 .*DISAGREES/)
  t.notMatch(text.split('The ten worst')[0] ?? '', /2001-01 ATL/)
})

t.test('a missing group, a wrong count and a missing postback are each told', async (t) => {
  const text = describeResult({
    ...result,
    counted: 1,
    byMonth: [{ key: '2001-03 ATL', mesh: undefined, file: figures, agrees: false }],
    postbacks: { requested: 1, arrived: 0, faults: ['flight-7 is missing'], reportedDelivered: 0 },
  }).join('\n')
  t.match(text, /1 counted, 2 in the file {2}DISAGREES/)
  t.match(text, /2001-03 ATL +- +2/)
  t.match(text, /flight-7 is missing/)
})
