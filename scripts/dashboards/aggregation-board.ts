import { aggregator, freshness, one, processRow, quantiles, rate } from './panels.ts'
import type { Dashboard } from './to-grafana.ts'

export const aggregationBoard: Dashboard = {
  name: 'aggregation',
  title: 'Millrace: aggregation',
  description:
    'From Kafka into ClickHouse, exactly once. Freshness first, then lag, then what ClickHouse does.',
  rows: [
    {
      title: 'Freshness',
      panels: [
        freshness,
        {
          title: 'Waiting to be landed',
          description:
            'Messages behind the end, by partition. All growing: too few aggregators or a slow ClickHouse. One growing: a hot or stuck partition.',
          unit: 'short',
          queries: one(`sum by (partition) (${aggregator}_lag_records)`, 'partition {{partition}}'),
        },
        {
          title: 'Landing a batch',
          description: 'From a batch’s first commit to its last, the insert in between.',
          unit: 's',
          queries: quantiles(`${aggregator}_flush_seconds`),
        },
      ],
    },
    {
      title: 'What becomes of events',
      panels: [
        {
          title: 'Rows landed',
          description: 'By table.',
          unit: 'cps',
          queries: one(rate(`${aggregator}_rows_landed_total`, 'table'), '{{table}}'),
        },
        {
          title: 'Invalid events',
          description: 'By type. They are kept with their reason and can be replayed.',
          unit: 'cps',
          queries: one(rate(`${aggregator}_events_invalid_total`, 'type'), '{{type}}'),
        },
        {
          title: 'Left out',
          description: 'Repeats within the window; readings without a number; records without effect.',
          unit: 'cps',
          queries: [
            { expr: rate(`${aggregator}_repeats_dropped_total`), legend: 'repeats' },
            { expr: rate(`${aggregator}_values_missing_total`), legend: 'without a number' },
            { expr: rate(`${aggregator}_records_skipped_total`, 'reason'), legend: '{{reason}}' },
          ],
        },
      ],
    },
    {
      title: 'Trouble',
      panels: [
        {
          title: 'Repeated',
          description: 'Inserts and commits that failed and were tried again. Nothing is lost or doubled.',
          unit: 'cps',
          queries: [
            { expr: rate(`${aggregator}_insert_retries_total`), legend: 'inserts' },
            { expr: rate(`${aggregator}_commit_retries_total`), legend: 'commits' },
          ],
        },
        {
          title: 'Partitions that moved',
          description:
            'Fenced: another instance took over behind this one’s back. Lost: taken away without asking. Producers: the Kafka client did not return from a call, and was replaced.',
          unit: 'cps',
          queries: [
            { expr: rate(`${aggregator}_fenced_total`), legend: 'fenced' },
            { expr: rate(`${aggregator}_partitions_lost_total`), legend: 'lost' },
            { expr: rate(`${aggregator}_producers_lost_total`), legend: 'producers' },
          ],
        },
        {
          title: 'Not to be had any more',
          description:
            'Offsets that were gone from Kafka; pending ranges whose catalog was gone. Both need a person.',
          unit: 'short',
          queries: [
            { expr: `sum(${aggregator}_offsets_missing_total)`, legend: 'offsets' },
            { expr: `sum(${aggregator}_catalogs_missing_total)`, legend: 'catalogs' },
          ],
        },
      ],
    },
    {
      title: 'In memory, and in the background',
      panels: [
        {
          title: 'Ids kept to recognise repeats',
          description: 'By instance.',
          unit: 'bytes',
          queries: one(`${aggregator}_seen_ids_bytes`, '{{instance}}'),
        },
        {
          title: 'Live view',
          description: 'Groups of all meters and seconds. Bounded by AGGREGATOR_LIVE_MAX_CELLS.',
          unit: 'short',
          queries: one(`${aggregator}_live_cells`, '{{instance}}'),
        },
        {
          title: 'Backfills and replays',
          description: 'Not done yet.',
          unit: 'short',
          queries: [
            { expr: `sum(${aggregator}_backfill_unfinished)`, legend: 'meters being backfilled' },
            { expr: `max(${aggregator}_replays_unfinished)`, legend: 'replays of events' },
          ],
        },
      ],
    },
    processRow('aggregator'),
  ],
}
