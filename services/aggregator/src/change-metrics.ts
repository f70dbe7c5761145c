import { Counter, type Registry } from '@millrace/service-kit/metrics'
import type { JudgedChange } from './judge-changes.ts'

/** Counts what settlements and retractions did. */
export type CountChange = (change: JudgedChange) => void

export function createChangeCounter(registry: Registry): CountChange {
  const changes = new Counter({
    name: 'millrace_aggregator_event_changes_total',
    help: 'settlements and retractions, by what became of them',
    labelNames: ['kind', 'status'],
    registers: [registry],
  })
  return ({ placed, status }) => changes.inc({ kind: placed.change.kind, status })
}
