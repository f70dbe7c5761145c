import { aggregationBoard } from './aggregation-board.ts'
import { deliveryBoard } from './delivery-board.ts'
import { ingestBoard } from './ingest-board.ts'
import { overviewBoard } from './overview-board.ts'
import { queryBoard } from './query-board.ts'
import type { Dashboard } from './to-grafana.ts'

export const dashboards: readonly Dashboard[] = [
  overviewBoard,
  ingestBoard,
  aggregationBoard,
  deliveryBoard,
  queryBoard,
]
