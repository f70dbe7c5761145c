// An aggregator that kills itself at one step of a backfill: node crashing-backfill.ts STEP
import { runService } from '@millrace/service-kit/run-service'
import { settings } from '../../src/config.ts'
import type { RowBlock } from '../../src/row-writer.ts'
import { createService, type Faults } from '../../src/service.ts'
import { blockBytes } from './block-bytes.ts'

const die = (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL')
  // The signal comes at its own time; nothing may happen until then.
  return new Promise(() => {})
}

type When = 'before' | 'after'

const around =
  (when: When, meets: (block: RowBlock) => boolean): Faults['aroundInsert'] =>
  (insert) =>
  async (block, signal) => {
    // Meters that were there first have nothing to count.
    const dies = meets(block) && blockBytes(block).includes('later-')
    if (dies && when === 'before') await die()
    await insert(block, signal)
    if (dies) await die()
  }

const isChunk = ({ token }: RowBlock): boolean => token?.startsWith('backfill:') ?? false
const isEnd = ({ table, token }: RowBlock): boolean => table === 'backfill_chunks' && token === undefined

const steps: Readonly<Record<string, Faults['aroundInsert']>> = {
  'after the marks': around('after', ({ table }) => table === 'backfill_marks'),
  'before a chunk is inserted': around('before', isChunk),
  'after a chunk is inserted': around('after', isChunk),
  'after a chunk is written down': around('after', isEnd),
}

const aroundInsert = steps[process.argv[2] ?? '']
if (aroundInsert === undefined) throw new Error(`usage: ${Object.keys(steps).join(' | ')}`)
await runService('aggregator', settings, (config, logger) => createService(config, logger, { aroundInsert }))
