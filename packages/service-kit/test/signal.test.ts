import t from 'tap'
import { createSignal, type Signal, waitUntil } from '../src/signal.ts'

/** Whether a wait goes on until it is told to end, and ends then. */
async function waitsUntilTold(signal: Signal): Promise<boolean> {
  let told = false
  const waiting = signal.wait().then(() => {
    told = true
  })
  await new Promise(setImmediate)
  const waited = !told
  signal.notify()
  await waiting
  return waited
}

t.test('all who wait are woken', async (t) => {
  const signal = createSignal()
  const woken: string[] = []
  const waiting = ['a', 'b'].map(async (name) => {
    await signal.wait()
    woken.push(name)
  })
  signal.notify()
  await Promise.all(waiting)
  t.strictSame(woken, ['a', 'b'])
})

t.test('what was told while nobody waited is not lost, and told once', async (t) => {
  const signal = createSignal()
  signal.notify()
  signal.notify()
  await signal.wait()
  t.ok(await waitsUntilTold(signal), 'the second wait is not for what the first one was told')
})

t.test('what is told between waking and the next wait is not lost', async () => {
  const signal = createSignal()
  const waiting = signal.wait()
  signal.notify()
  signal.notify()
  await waiting
  await signal.wait()
})

t.test('a wait ends with its time', async (t) => {
  const signal = createSignal()
  await signal.wait(1)
  t.ok(await waitsUntilTold(signal), 'the end of a time tells the next one nothing')
})

t.test('a condition is looked at with each notification until its time is up', async (t) => {
  const signal = createSignal()
  let count = 0
  const reached = waitUntil(signal, () => count === 2, 60_000)
  for (; count < 2; count += 1) {
    signal.notify()
    await new Promise(setImmediate)
  }
  signal.notify()
  t.ok(await reached)
  t.notOk(await waitUntil(signal, () => false, 1))
})
