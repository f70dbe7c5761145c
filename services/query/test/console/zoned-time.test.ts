import t from 'tap'
import { fromField, fromWall, isZone, toField } from '../../console/src/reports/zoned-time.ts'

t.test('a wall clock and an instant lead to each other, in zones with any offset', async (t) => {
  for (const zone of ['UTC', 'Europe/Stockholm', 'Asia/Kolkata', 'Australia/Lord_Howe', 'America/St_Johns']) {
    for (const time of ['2026-01-15T10:30:00.000Z', '2026-07-15T23:59:00.000Z', '1999-12-31T23:00:00.000Z']) {
      t.equal(fromField(toField(time, zone), zone), time, `${zone} ${time}`)
    }
  }
})

t.test('around a shift of the clocks it is the offset of that very hour', async (t) => {
  const wall = (hour: number) =>
    new Date(fromWall({ year: 2026, month: 3, day: 29, hour }, 'Europe/Stockholm'))
  t.equal(wall(1).toISOString(), '2026-03-29T00:00:00.000Z')
  t.equal(wall(3).toISOString(), '2026-03-29T01:00:00.000Z')
})

t.test('what is no time, or no zone, is told', async (t) => {
  t.equal(fromField('', 'UTC'), undefined)
  t.equal(toField('tomorrow', 'UTC'), '')
  t.equal(isZone('Europe/Stockholm'), true)
  t.equal(isZone('Nowhere/At_All'), false)
})
