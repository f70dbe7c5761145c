import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { describeExit, startGuarded } from '../../local-stack/guarded-process.ts'
import { identityOf, isAlive } from '../../local-stack/process-identity.ts'
import { waitUntil } from '../../local-stack/wait-until.ts'

function temporaryFolder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace guard-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function shell(cwd: string, script: string) {
  return {
    command: 'sh',
    parameters: ['-c', script],
    cwd,
    environment: process.env,
    logFile: join(cwd, 'logs/x.log'),
  }
}

t.test('the exit code is the command’s own, and its output is in its log', async (t) => {
  const cwd = temporaryFolder(t)
  const { exited } = await startGuarded(shell(cwd, 'echo out; echo err >&2; exit 7'))
  t.same(await exited, { code: 7, signal: null })
  t.equal(readFileSync(join(cwd, 'logs/x.log'), 'utf8'), 'out\nerr\n')
})

t.test('a death by signal is told as such', async (t) => {
  const running = await startGuarded(shell(temporaryFolder(t), 'exec sleep 60'))
  running.signal('SIGTERM')
  t.equal(describeExit(await running.exited), 'SIGTERM')
  // By now the pid may be anybody's: nothing must be sent to it.
  running.signal('SIGKILL')
})

t.test('a command that is not there says so in its log', async (t) => {
  const cwd = temporaryFolder(t)
  const { exited } = await startGuarded({ ...shell(cwd, ''), command: 'no-such-command', parameters: [] })
  t.equal((await exited).code, 127)
  t.match(readFileSync(join(cwd, 'logs/x.log'), 'utf8'), /no-such-command.*not found/)
})

t.test('what the command started and left behind goes with it', async (t) => {
  const cwd = temporaryFolder(t)
  const { exited } = await startGuarded(shell(cwd, 'sleep 60 & echo $!'))
  await exited
  const orphan = identityOf(Number(readFileSync(join(cwd, 'logs/x.log'), 'utf8')))
  await waitUntil(() => orphan === null || !isAlive(orphan), {
    timeoutMs: 5_000,
    what: 'the end of the orphan',
  })
})

t.test('a kill of the guard ends the command too', async (t) => {
  const running = await startGuarded(shell(temporaryFolder(t), 'exec sleep 60'))
  const command = identityOf(running.pid)
  process.kill(running.groupId, 'SIGKILL')
  t.equal(describeExit(await running.exited), 'SIGKILL')
  await waitUntil(() => command !== null && !isAlive(command), {
    timeoutMs: 5_000,
    what: 'the end of the command',
  })
})

t.test(
  'a kill -9 of the process that holds the guard leaves nothing, not even what ignores every signal',
  async (t) => {
    const cwd = temporaryFolder(t)
    const module = JSON.stringify(join(import.meta.dirname, '../../local-stack/guarded-process.ts'))
    const script = `trap '' TERM HUP INT; sleep 60 & sleep 60`
    const holder = spawn(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `const { startGuarded } = await import(${module})
       const running = await startGuarded(${JSON.stringify({ ...shell(cwd, script), environment: {} })})
       console.log(running.pid)
       console.log(running.groupId)`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const lines: string[] = []
    createInterface({ input: holder.stdout }).on('line', (line) => lines.push(line))
    await waitUntil(() => lines.length === 2, { timeoutMs: 10_000, what: 'the start of the guarded command' })
    const identities = lines.map((line) => identityOf(Number(line)))
    t.ok(identities.every((it) => it !== null && isAlive(it)))
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    const gone = () => identities.every((it) => it !== null && !isAlive(it))
    await waitUntil(gone, { timeoutMs: 5_000, what: 'the end of the guard and its command' })
  },
)
