import t from 'tap'
import { z } from 'zod'
import { ConfigError, count, list, port, readConfig, secretSetting, setting } from '../src/config.ts'

const settings = {
  httpPort: setting('HTTP_PORT', port(8080), 'port of the door'),
  batchRows: setting('BATCH_ROWS', count(1_000, 1, 5_000), 'rows of a batch'),
  brokers: setting('BROKERS', list('a:1,b:2'), 'brokers'),
  key: secretSetting('KEY', z.string().min(16, 'needs at least 16 characters'), 'the first key'),
}

t.test('absent and empty variables take their defaults', async (t) => {
  t.same(readConfig(settings, { KEY: '0123456789abcdef', HTTP_PORT: '' }), {
    httpPort: 8080,
    batchRows: 1_000,
    brokers: ['a:1', 'b:2'],
    key: '0123456789abcdef',
  })
})

t.test('lists are split at commas and trimmed', async (t) => {
  const { brokers } = readConfig(settings, { KEY: '0123456789abcdef', BROKERS: ' x:1 , y:2 ,' })
  t.same(brokers, ['x:1', 'y:2'])
})

t.test('all faults are reported at once, each with its variable and help', async (t) => {
  t.throws(() => readConfig(settings, { HTTP_PORT: '99999', BATCH_ROWS: 'many' }), ConfigError)
  try {
    readConfig(settings, { HTTP_PORT: '99999', BATCH_ROWS: 'many' })
    t.fail('the configuration was accepted')
  } catch (error) {
    const { faults } = error as ConfigError
    t.equal(faults.length, 3)
    t.match(faults[0], /^HTTP_PORT is "99999": .*\(port of the door\)$/)
    t.match(faults[1], /^BATCH_ROWS is "many"/)
    t.match(faults[2], /^KEY is missing/)
  }
})

t.test('a count lies within its bounds', async (t) => {
  const read = (rows: string) => readConfig(settings, { KEY: '0123456789abcdef', BATCH_ROWS: rows }).batchRows
  t.equal(read('5000'), 5_000)
  for (const rows of ['0', '5001', '1.5', '']) {
    if (rows === '') t.equal(read(rows), 1_000)
    else t.throws(() => read(rows), /BATCH_ROWS is/, rows)
  }
})

t.test('a faulty secret is named but never shown', async (t) => {
  try {
    readConfig(settings, { KEY: 'hunter2' })
    t.fail('the configuration was accepted')
  } catch (error) {
    t.match((error as Error).message, /KEY is not usable: needs at least 16 characters/)
    t.notMatch((error as Error).message, /hunter2/)
  }
})
