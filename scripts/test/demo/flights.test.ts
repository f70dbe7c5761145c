import t from 'tap'
import { figuresBy, loadFlights, monthAndOrigin } from '../../demo/flights.ts'

t.test('the file holds 20,000 flights with times that can be read', async (t) => {
  const flights = loadFlights()
  t.equal(flights.length, 20_000)
  t.equal(new Set(flights.map(({ id }) => id)).size, 20_000)
  t.same(
    flights.filter(({ time }) => Number.isNaN(Date.parse(time))),
    [],
  )
})

t.test('figures are counted and averaged by key', async (t) => {
  const flight = {
    id: 'a',
    time: '2001-01-05T10:00:00Z',
    delay: 10,
    distance: 1,
    origin: 'ATL',
    destination: 'LAX',
  }
  const figures = figuresBy(
    [flight, { ...flight, delay: 25 }, { ...flight, time: '2001-02-01T00:00:00Z' }],
    ({ time, origin }) => monthAndOrigin(time, origin),
  )
  t.same(
    [...figures],
    [
      ['2001-01 ATL', { flights: 2, meanDelay: 17.5 }],
      ['2001-02 ATL', { flights: 1, meanDelay: 10 }],
    ],
  )
})
