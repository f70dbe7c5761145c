import t from 'tap'
import { continueTrace, formatTraceparent, parseTraceparent } from '../src/trace-context.ts'

const valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

t.test('a valid traceparent is read and written back', async (t) => {
  const context = parseTraceparent(valid)
  t.ok(context)
  t.equal(context && formatTraceparent(context), valid)
})

t.test('what the specification forbids is not read', async (t) => {
  for (const faulty of [
    undefined,
    '',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
    '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331',
  ]) {
    t.equal(parseTraceparent(faulty), undefined, String(faulty))
  }
})

t.test('a new span stays in the caller’s trace and keeps its sampling', async (t) => {
  const child = continueTrace(valid)
  t.equal(child.traceId, '0af7651916cd43dd8448eb211c80319c')
  t.not(child.spanId, 'b7ad6b7169203331')
  t.equal(child.sampled, true)
})

t.test('without a caller a trace of its own begins', async (t) => {
  const first = continueTrace(undefined)
  t.match(first.traceId, /^[0-9a-f]{32}$/)
  t.not(first.traceId, continueTrace(undefined).traceId)
})
