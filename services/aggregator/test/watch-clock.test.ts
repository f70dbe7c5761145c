import t from 'tap'
import { createClockWatch } from '../src/watch-clock.ts'

t.test('a clock that is set is told, one that drifts is followed', (t) => {
  let wallMs = 1_000_000
  let monotonicMs = 0
  const jumps: number[] = []
  const watch = createClockWatch({
    now: () => wallMs,
    monotonicMs: () => monotonicMs,
    onJump: (byMs) => jumps.push(byMs),
  })
  const pass = (wall: number, monotonic: number): void => {
    wallMs += wall
    monotonicMs += monotonic
    watch.check()
  }
  for (let times = 0; times < 100; times += 1) pass(300, 250)
  t.strictSame(jumps, [], 'a fifth too fast, in small steps')
  pass(3_600_250, 250)
  pass(250, 250)
  pass(-7_199_750, 250)
  t.strictSame(jumps, [3_600_000, -7_200_000])
  t.end()
})
