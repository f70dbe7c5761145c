import t from 'tap'
import { encodeMessage } from '../src/encode-message.ts'
import { EventName } from '../src/index.ts'

t.test('a message keeps its bytes when others are encoded after it', async (t) => {
  const long = { source: 's'.repeat(3_000), id: 'é', type: '' }
  const short = { source: 'shop', id: '1', type: 'order.paid' }
  const [first, second] = [encodeMessage(EventName, long), encodeMessage(EventName, short)]
  t.same(EventName.decode(first), long)
  t.same(EventName.decode(second), short)
  t.same(second, Buffer.from(EventName.encode(short).finish()))
})

t.test('one that cannot be encoded leaves nothing behind for the next', async (t) => {
  const name = { source: 'shop', id: '1', type: '' }
  const breaking: typeof EventName = {
    ...EventName,
    encode(message, writer) {
      EventName.encode(message, writer)
      throw new Error('no such number')
    },
  }
  t.throws(() => encodeMessage(breaking, name), { message: 'no such number' })
  t.same(EventName.decode(encodeMessage(EventName, name)), name)
})
