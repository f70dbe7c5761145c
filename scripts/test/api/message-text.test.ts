import { messageText } from '@millrace/proto/message-text'
import t from 'tap'

t.test('a message stands in its text with all that it is made of, and nothing else', async (t) => {
  const names = [...messageText('EventBatch').matchAll(/^(?:message|enum) (\w+)/gm)].map(([, name]) => name)
  t.same(names.slice(0, 2), ['EventBatch', 'EventRecord'])
  t.same([...names].sort(), [
    'AttributeValue',
    'Event',
    'EventBatch',
    'EventRecord',
    'Retraction',
    'Settlement',
  ])
  t.match(messageText('Attempt'), /enum Outcome \{/)
  t.match(messageText('Delivery'), /^\/\/ One thing to be delivered to one receiver/m)
})

t.test('a message that no file declares is a mistake', async (t) => {
  t.throws(() => messageText('Unheard'), /no \.proto file declares Unheard/)
})
