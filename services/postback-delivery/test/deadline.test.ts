import t from 'tap'
import { createDeadlines } from '../src/deadline.ts'

t.test('deadlines pass in their order, none early', async (t) => {
  const deadlines = createDeadlines()
  const passed: number[] = []
  const startedMs = performance.now()
  await Promise.all(
    [300, 40, 120, 0, 21_000].map(
      (timeoutMs) =>
        new Promise<void>((resolve) => {
          const deadline = deadlines.start(timeoutMs)
          if (timeoutMs > 20_000) {
            // Longer than a turn of the wheel: not yet over when the others are.
            setTimeout(() => {
              t.equal(deadline.passed, false)
              deadline.clear()
              resolve()
            }, 400)
          }
          deadline.onPassed = (detail) => {
            t.ok(performance.now() - startedMs >= timeoutMs, `${timeoutMs} ms`)
            t.equal(detail, `no whole response within ${timeoutMs} ms`)
            t.equal(deadline.passed, true)
            passed.push(timeoutMs)
            resolve()
          }
        }),
    ),
  )
  t.same(passed, [0, 40, 120, 300])
})

t.test('what is cleared does not pass, also when another one of the same moment clears it', async (t) => {
  const deadlines = createDeadlines()
  const cleared = deadlines.start(30)
  cleared.onPassed = () => t.fail('it was cleared')
  cleared.clear()
  cleared.clear()
  const both = [deadlines.start(30), deadlines.start(30)]
  let passed = 0
  await new Promise<void>((resolve) => {
    for (const deadline of both) {
      deadline.onPassed = () => {
        passed += 1
        for (const other of both) other.clear()
        setTimeout(resolve, 60)
      }
    }
  })
  t.equal(passed, 1)
})

t.test('a process is not kept by deadlines that are over', async (t) => {
  const deadline = createDeadlines().start(10)
  await new Promise<void>((resolve) => {
    deadline.onPassed = () => resolve()
  })
  // Its timer ends at the tick after the last deadline: tap would wait for it in vain otherwise.
  t.equal(deadline.passed, true)
})
