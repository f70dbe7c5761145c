// An aggregator that kills itself when replayed events land: node crashing-replay.ts before|after
import { runService } from '@millrace/service-kit/run-service'
import { settings } from '../../src/config.ts'
import { createService, type Faults } from '../../src/service.ts'
import { blockBytes } from './block-bytes.ts'

const die = (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL')
  // The signal comes at its own time; nothing may happen until then.
  return new Promise(() => {})
}

const [, , when] = process.argv
if (when !== 'before' && when !== 'after') throw new Error('usage: before | after')

const aroundInsert: Faults['aroundInsert'] = (insert) => async (block, signal) => {
  const dies = block.table === 'events' && blockBytes(block).includes('rep_')
  if (dies && when === 'before') await die()
  await insert(block, signal)
  if (dies) await die()
}

await runService('aggregator', settings, (config, logger) => createService(config, logger, { aroundInsert }))
