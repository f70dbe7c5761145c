import t from 'tap'
import { describeDuration, describeProcesses, describeWhereToLook } from '../../local-stack/describe-stack.ts'
import type { ProcessStatus } from '../../local-stack/managed-process.ts'

const running: ProcessStatus = {
  name: 'clickhouse',
  address: 'http://127.0.0.1:8123',
  state: 'ready',
  pid: 1234,
  groupId: 1233,
  startedAt: 10_000,
  restarts: 2,
  lastExit: 'SIGKILL',
  logFile: 'x.log',
}

t.test('the table has a line for each process, aligned', async (t) => {
  const restarting: ProcessStatus = {
    ...running,
    name: 'query',
    state: 'restarting',
    pid: null,
    startedAt: null,
    address: 'a',
  }
  t.same(describeProcesses([running, restarting], 75_000).split('\n'), [
    'PROCESS     PID   STATE       UPTIME  RESTARTS  LAST EXIT  ADDRESS',
    'clickhouse  1234  ready       1m 5s   2         SIGKILL    http://127.0.0.1:8123',
    'query       -     restarting  -       2         SIGKILL    a',
  ])
})

t.test('durations are short', async (t) => {
  t.same([0, 59_999, 60_000, 3_600_000, 90_061_000].map(describeDuration), [
    '0s',
    '59s',
    '1m 0s',
    '1h 0m',
    '25h 1m',
  ])
})

t.test('one is told only of what runs, and never the key itself', async (t) => {
  const state = {
    supervisor: { pid: 1, startTime: '1' },
    phase: 'ready' as const,
    message: null,
    brokers: 1,
    portOffset: 7,
    rootKeyFrom: 'file' as const,
    processes: [running],
    identities: [],
  }
  const text = describeWhereToLook(state, 'state/root-key')
  t.match(text, 'http://127.0.0.1:8130/play')
  t.match(text, 'state/root-key')
  t.notMatch(text, 'Console')
  t.notMatch(text, 'Kafka')
})
