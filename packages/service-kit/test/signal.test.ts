import t from 'tap'
import { createSignal, waitUntil } from '../src/signal.ts'

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
  let again = false
  const waiting = signal.wait().then(() => {
    again = true
  })
  await new Promise(setImmediate)
  t.notOk(again, 'the second wait is not for what the first one was told')
  signal.notify()
  await waiting
  t.ok(again)
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
  let told = false
  const waiting = signal.wait().then(() => {
    told = true
  })
  await new Promise(setImmediate)
  t.notOk(told, 'the end of a time tells the next one nothing')
  signal.notify()
  await waiting
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
