import { messageText } from '@millrace/proto/message-text'
import t from 'tap'

t.test('a message stands in its text with all that it is made of, and nothing else', async (t) => {
  const namesIn = (message: string) =>
    [...messageText(message).matchAll(/^(?:message|enum) (\w+)/gm)].map(([, name]) => name)
  t.same(namesIn('Attempt').toSorted(), ['Attempt', 'EventName', 'Outcome'])
  const ofEvents = namesIn('EventBatch')
  t.same(ofEvents.slice(0, 2), ['EventBatch', 'EventRecord'])
  for (const name of ['Event', 'AttributeValue', 'Settlement', 'Retraction'])
    t.ok(ofEvents.includes(name), name)
  t.notOk(ofEvents.includes('CatalogRecord'))
  t.match(messageText('Attempt'), /enum Outcome \{/)
  t.match(messageText('Delivery'), /^\/\/ One thing to be delivered to one receiver/m)
})

t.test('a message that no file declares is a mistake', async (t) => {
  t.throws(() => messageText('Unheard'), /no \.proto file declares Unheard/)
})
