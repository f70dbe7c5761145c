// An aggregator that kills itself at one step of its first flush: node crashing-aggregator.ts STEP
import { runService } from '@millrace/service-kit/run-service'
import { settings } from '../../src/config.ts'
import { createService, type Faults } from '../../src/service.ts'

const die = (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL')
  // The signal comes at its own time; nothing may happen until then.
  return new Promise(() => {})
}

/** At the end of the batch whose changes were inserted. */
function dieAfterChanges(): Faults {
  let changed = false
  return {
    aroundInsert: (insert) => async (block, signal) => {
      await insert(block, signal)
      changed ||= block.table === 'event_changes'
    },
    aroundCommit: (commit) => (offset, signal) =>
      changed && (offset.metadata ?? '') === '' ? die() : commit(offset, signal),
  }
}

const steps: Readonly<Record<string, Faults>> = {
  'before the pending range is written down': { aroundCommit: () => die },
  'before the insert': { aroundInsert: () => die },
  'after the insert, before the commit': {
    aroundInsert: (insert) => async (block, signal) => {
      await insert(block, signal)
      await die()
    },
  },
  'before the changes of events are inserted': {
    aroundInsert: (insert) => (block, signal) =>
      block.table === 'event_changes' ? die() : insert(block, signal),
  },
  'after the changes of events, before the erasing': {
    aroundInsert: (insert) => async (block, signal) => {
      await insert(block, signal)
      if (block.table === 'event_changes') await die()
    },
  },
  'after the erasing, before the commit': dieAfterChanges(),
  'after the commit': {
    aroundCommit: (commit) => async (offset, signal) => {
      await commit(offset, signal)
      if ((offset.metadata ?? '') === '') await die()
    },
  },
}

const faults = steps[process.argv[2] ?? '']
if (faults === undefined) throw new Error(`usage: ${Object.keys(steps).join(' | ')}`)
await runService('aggregator', settings, (config, logger) => createService(config, logger, faults))
