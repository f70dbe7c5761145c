import t from 'tap'
import { readStackSettings } from '../../local-stack/stack-options.ts'

t.test('without a word it is one broker, no offset, everything; an empty variable is no word', async (t) => {
  const everything = ['kafka', 'clickhouse', 'ingest', 'aggregator', 'postback-delivery', 'query']
  t.same(readStackSettings({}), { brokers: 1, portOffset: 0, parts: everything })
  t.same(readStackSettings({ BROKERS: '', PORT_OFFSET: '', ONLY: '' }), {
    brokers: 1,
    portOffset: 0,
    parts: everything,
  })
})

t.test('parts can be chosen, in any order', async (t) => {
  t.same(readStackSettings({ ONLY: 'ingest,kafka', BROKERS: '3', PORT_OFFSET: '50' }), {
    brokers: 3,
    portOffset: 50,
    parts: ['kafka', 'ingest'],
  })
})

t.test('every fault is told at once', async (t) => {
  t.throws(() => readStackSettings({ BROKERS: '2', PORT_OFFSET: 'x', ONLY: 'kafka,zookeeper' }), {
    message: /^BROKERS=2: 1 or 3\nPORT_OFFSET=x: a whole number\nONLY=kafka,zookeeper: a list of kafka, /,
  })
})
