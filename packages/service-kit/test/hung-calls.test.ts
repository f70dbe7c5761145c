import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { createHungCalls } from '../src/hung-calls.ts'
import { createLogger } from '../src/log.ts'

const logger = createLogger('test', 'silent')

t.test('a process ends when a third call hangs, unless one has returned meanwhile', async (t) => {
  let ended = 0
  const calls = createHungCalls(() => {
    ended += 1
  })
  const begin = (): PromiseWithResolvers<void> => {
    const call = Promise.withResolvers<void>()
    calls.begin(call.promise)
    return call
  }
  const [first, second, third, fourth] = [begin(), begin(), begin(), begin()]
  t.equal(calls.underWay(), 4)
  calls.hang(first.promise, logger)
  calls.hang(second.promise, logger)
  first.reject(new Error('timed out at last'))
  await t.rejects(first.promise)
  calls.hang(third.promise, logger)
  t.equal(ended, 0)
  calls.hang(fourth.promise, logger)
  t.equal(ended, 1)
  t.equal(calls.underWay(), 3)
})

/** Ends while a thread of its pool waits for a writer of a pipe that never comes. */
const endingProcess = (pipe: string, underWay: number, before: string): string => `
import { open } from 'node:fs'
import { createLogger } from '@millrace/service-kit/log'
import { endProcess } from '@millrace/service-kit/hung-calls'
${underWay > 0 ? `open(${JSON.stringify(pipe)}, 'r', () => {})` : ''}
createLogger('test', 'info').info('ending')
${before}
setImmediate(() => endProcess(1, { underWay: () => ${underWay} }))
`

t.test('a process ends also while a native call hangs, and its log is written', async (t) => {
  const pipe = join(t.testdir(), 'pipe')
  t.equal(spawnSync('mkfifo', [pipe]).status, 0)
  const run = async (underWay: number, before = ''): Promise<unknown[]> => {
    const script = endingProcess(pipe, underWay, before)
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(import.meta.dirname, '../../../services/aggregator'),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    let log = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text
    })
    const [code, signal] = await once(child, 'close')
    return [code, signal, log.includes('ending')]
  }
  t.strictSame(await run(1), [null, 'SIGKILL', true])
  t.strictSame(await run(0), [1, null, true])
  // Process 1 of a container is spared its own signals, SIGKILL as well.
  t.strictSame(await run(1, 'process.kill = () => true'), [1, null, true])
})
