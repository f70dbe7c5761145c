// An aggregator that kills itself at one step of its first flush: node crashing-aggregator.ts STEP
import { runService } from '@millrace/service-kit/run-service'
import { settings } from '../../src/config.ts'
import { createService, type Faults } from '../../src/service.ts'

const die = (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL')
  // The signal comes at its own time; nothing may happen until then.
  return new Promise(() => {})
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
