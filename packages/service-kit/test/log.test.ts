import t from 'tap'
import { createLogger, withFlatFields } from '../src/log.ts'

function lines() {
  const written: string[] = []
  const logger = createLogger('test', 'info', { write: (line) => written.push(line) })
  return { logger, written }
}

t.test('credentials never reach a log, neither as fields nor inside of them', async (t) => {
  const { logger, written } = lines()
  logger.info({
    authorization: 'hidden',
    headers: { authorization: 'hidden' },
    request: { authorization: 'hidden' },
  })
  logger.info({ key: 'hidden', secret: 'hidden', password: 'hidden' })
  t.equal(written.length, 2)
  t.notMatch(written.join(''), 'hidden')
  t.match(JSON.parse(written[0] ?? ''), {
    authorization: '[redacted]',
    request: { authorization: '[redacted]' },
  })
})

t.test('a log of flat fields hides credentials too, and writes its lines as any other', async (t) => {
  const { logger, written } = lines()
  const fields = {
    authorization: 'hidden',
    key: 'hidden',
    secret: 'hidden',
    password: 'hidden',
    url: 'http://a',
  }
  logger.info(fields, 'seen')
  withFlatFields(logger).info(fields, 'seen')
  const [plain, flat] = written.map((line) => ({ ...JSON.parse(line), time: '' }))
  t.same(flat, plain)
  t.match(flat, { level: 'info', service: 'test', msg: 'seen', secret: '[redacted]', url: 'http://a' })
})

t.test('a log of flat fields writes odd values as any other, and nothing below the level', async (t) => {
  const { logger, written } = lines()
  const fields = { text: 'a "quoted"\u2028\n\ud800', none: undefined, zero: 0, no: false, nothing: null }
  logger.info(fields, 'seen')
  withFlatFields(logger).info(fields, 'seen')
  const [plain, flat] = written.map((line) => ({ ...JSON.parse(line), time: '' }))
  t.same(flat, plain)
  t.same(Object.keys(flat), Object.keys(plain))
  logger.level = 'warn'
  withFlatFields(logger).info(fields, 'seen')
  t.equal(written.length, 2)
})
