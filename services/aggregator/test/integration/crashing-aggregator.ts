// An aggregator that sends itself a signal at one step of its first flush: node crashing-aggregator.ts STEP [SIGNAL]
// Prints the port of its metrics once it has started.
import { createRequire } from 'node:module'
import { runService } from '@millrace/service-kit/run-service'
import { settings } from '../../src/config.ts'
import type { RowBlock } from '../../src/row-writer.ts'
import { createService, type Faults } from '../../src/service.ts'

const signal = (process.argv[3] ?? 'SIGKILL') as NodeJS.Signals
let struck = false
/** A batch's range was about to be written down; proofs of ownership are commits too. */
let flushing = false
let inserted = false

const strike = async (): Promise<void> => {
  if (struck) return
  struck = true
  process.kill(process.pid, signal)
  // The signal comes at its own time; nothing may happen until then.
  if (signal === 'SIGKILL') await new Promise(() => {})
  // Stopped within it, unless the signal came before.
  await new Promise((resolve) => setTimeout(resolve, 20))
}

/** Others write too: what is known of a meter's backfill. */
const isLanding = ({ table }: RowBlock): boolean => table === 'events'
const isDelivery = ({ table }: RowBlock): boolean => table === 'deliveries'
const isChange = ({ table }: RowBlock): boolean => table === 'event_changes'

/** Strikes when offsets were sent and their transaction is not committed. */
function strikeInTransaction(when: () => boolean): void {
  type Commit = (timeoutMs: number, done: (error: unknown) => void) => void
  const require = createRequire(import.meta.resolve('@millrace/service-kit/kafka-transactional-producer'))
  const { Producer } = require('@confluentinc/kafka-javascript') as {
    Producer: { prototype: { commitTransaction: Commit } }
  }
  const commit = Producer.prototype.commitTransaction
  Producer.prototype.commitTransaction = function commitTransaction(timeoutMs, done) {
    const struckNow = when() ? strike() : Promise.resolve()
    void struckNow.then(() => commit.call(this, timeoutMs, done))
  }
}

const watch: Faults = {
  aroundCommit: (commit) => async (offset, signal) => {
    flushing ||= (offset.metadata ?? '') !== ''
    await commit(offset, signal)
  },
  aroundInsert: (insert) => async (block, signal) => {
    await insert(block, signal)
    inserted ||= isLanding(block)
  },
}

const steps: Readonly<Record<string, () => Faults>> = {
  'before the pending range is written down': () => ({
    aroundCommit: (commit) => async (offset, signal) => {
      if ((offset.metadata ?? '') !== '') await strike()
      await commit(offset, signal)
    },
  }),
  'while the pending range is written down': () => {
    strikeInTransaction(() => flushing)
    return watch
  },
  'before the insert': () => ({
    aroundInsert: (insert) => async (block, signal) => {
      if (isLanding(block)) await strike()
      await insert(block, signal)
    },
  }),
  'after the insert, before the commit': () => ({
    aroundInsert: (insert) => async (block, signal) => {
      await insert(block, signal)
      if (isLanding(block)) await strike()
    },
  }),
  'in the middle of the commit': () => {
    strikeInTransaction(() => inserted)
    return watch
  },
  'after the commit': () => ({
    ...watch,
    aroundCommit: (commit) => async (offset, signal) => {
      await commit(offset, signal)
      if (inserted) await strike()
    },
  }),
  'deliveries: before the insert': () => ({
    aroundInsert: (insert) => async (block, signal) => {
      if (isDelivery(block)) await strike()
      await insert(block, signal)
    },
  }),
  'deliveries: after the insert': () => ({
    aroundInsert: (insert) => async (block, signal) => {
      await insert(block, signal)
      if (isDelivery(block)) await strike()
    },
  }),
  'before the changes of events are inserted': () => ({
    aroundInsert: (insert) => async (block, signal) => {
      if (isChange(block)) await strike()
      await insert(block, signal)
    },
  }),
  'after the changes of events, before the erasing': () => ({
    aroundInsert: (insert) => async (block, signal) => {
      await insert(block, signal)
      if (isChange(block)) await strike()
    },
  }),
  'after the erasing, before the commit': () => ({
    aroundInsert: (insert) => async (block, signal) => {
      await insert(block, signal)
      inserted ||= isChange(block)
    },
    aroundCommit: (commit) => async (offset, signal) => {
      if (inserted && (offset.metadata ?? '') === '') await strike()
      await commit(offset, signal)
    },
  }),
}

const faults = steps[process.argv[2] ?? '']?.()
if (faults === undefined) throw new Error(`usage: ${Object.keys(steps).join(' | ')}`)
await runService('aggregator', settings, async (config, logger) => {
  const service = await createService(config, logger, faults)
  console.log(service.operationsPort)
  return service
})
