import t from 'tap'
import { uuidV7 } from '../src/uuid-v7.ts'

t.test('ids are UUIDs of version 7 that begin with their time, without dots', async (t) => {
  const id = uuidV7(0x0123456789ab)
  t.match(id, /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

t.test('ids do not repeat', async (t) => {
  t.equal(new Set(Array.from({ length: 10_000 }, () => uuidV7(1))).size, 10_000)
})
