import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { identityOf, isAlive, parseStartTicks } from '../../local-stack/process-identity.ts'

t.test('a living process is recognised by its pid and start time', async (t) => {
  const own = identityOf(process.pid)
  t.ok(own && isAlive(own))
})

t.test('a pid that was given to another process since is not mistaken for the first', async (t) => {
  const own = identityOf(process.pid)
  t.notOk(own && isAlive({ ...own, startTime: `${own.startTime}0` }))
})

t.test('a process that has ended is not alive', async (t) => {
  const child = spawn('sleep', ['60'])
  await once(child, 'spawn')
  const identity = identityOf(child.pid ?? 0)
  t.ok(identity && isAlive(identity))
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.notOk(identity && isAlive(identity))
})

const FIELDS = 'S 1 7 7 0 -1 4194304 100 0 0 0 5 3 0 0 20 0 1 0 987654 1000 10'

t.test('the start time is found behind any command name', async (t) => {
  t.equal(parseStartTicks(`42 (sh) ${FIELDS}`), '987654')
  t.equal(parseStartTicks(`42 (a) b (c) S) ${FIELDS}`), '987654')
})

t.test('a zombie counts as dead', async (t) => {
  t.equal(parseStartTicks(`42 (sh) ${FIELDS.replace('S', 'Z')}`), null)
})
