import t from 'tap'
import { tierOf } from '../../test-runner/find-tests.ts'
import { readTotals, withoutSuccesses } from '../../test-runner/run-tap.ts'

t.test('the folder below test decides the tier', async (t) => {
  t.equal(tierOf('services/ingest/test/http.test.ts'), 'unit')
  t.equal(tierOf('services/ingest/test/integration/events.test.ts'), 'integration')
  t.equal(tierOf('scripts/test/e2e/live-page.test.ts'), 'e2e')
  t.equal(tierOf('scripts/test/local-stack/port-plan.test.ts'), 'unit')
})

t.test('tap’s totals are read', async (t) => {
  t.same(readTotals('# { total: 54, pass: 53, fail: 1 }', 1), { passed: 53, failed: 1 })
  t.same(readTotals('# { total: 52, pass: 52 }', 0), { passed: 52, failed: 0 })
})

t.test('a run that broke without a failing assertion still counts as a failure', async (t) => {
  t.same(readTotals('# { total: 52, pass: 52 }', 1), { passed: 52, failed: 1 })
  t.same(readTotals('', null), { passed: 0, failed: 1 })
})

t.test('of a file that fails, what went well is left out', async (t) => {
  const lines = ['# Subtest: a sum', '    ok 1 - adds', '    not ok 2 - subtracts', '      ---', 'ok for now']
  t.same(withoutSuccesses(lines), ['# Subtest: a sum', '    not ok 2 - subtracts', '      ---', 'ok for now'])
})
