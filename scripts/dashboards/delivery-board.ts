import { delivery, one, processRow, quantiles, rate, subscription } from './panels.ts'
import type { Dashboard } from './to-grafana.ts'

export const deliveryBoard: Dashboard = {
  name: 'delivery',
  title: 'Millrace: delivery',
  description: 'Postbacks and subscribed events on their way to third parties.',
  rows: [
    {
      title: 'Attempts',
      panels: [
        {
          title: 'By outcome',
          description: 'delivered, retry, dead, held; abandoned ones are repeated by another instance.',
          unit: 'cps',
          queries: one(rate(`${delivery}_attempts_total`, 'outcome'), '{{outcome}}'),
        },
        {
          title: 'Failures by kind',
          description:
            'dns, connect, tls, timeout, reset: mostly the receivers’ side. All receivers at once: ours.',
          unit: 'cps',
          queries: one(
            `sum by (failure) (rate(${delivery}_attempts_total{failure!=""}[$__rate_interval]))`,
            '{{failure}}',
          ),
        },
        {
          title: 'How long attempts take',
          description: 'By outcome, from the start of the request to the last byte read.',
          unit: 's',
          queries: quantiles(`${delivery}_attempt_duration_seconds`, ['outcome']),
        },
      ],
    },
    {
      title: 'Isolation',
      panels: [
        {
          title: 'Receivers',
          description: 'With a queue of their own, and those whose breaker is open.',
          unit: 'short',
          queries: [
            { expr: `sum(${delivery}_receivers)`, legend: 'receivers' },
            { expr: `sum(${delivery}_open_breakers)`, legend: 'breakers open' },
          ],
        },
        {
          title: 'Put off',
          description: 'Deliveries that come back later because their receiver has no room now, by reason.',
          unit: 'cps',
          queries: one(rate(`${delivery}_put_off_total`, 'reason'), '{{reason}}'),
        },
        {
          title: 'In memory',
          description: 'Records that wait for their turn, the longest queue, requests under way.',
          unit: 'short',
          queries: [
            { expr: `sum(${delivery}_waiting_records)`, legend: 'waiting' },
            { expr: `max(${delivery}_longest_queue_records)`, legend: 'longest queue' },
            { expr: `sum(${delivery}_in_flight_requests)`, legend: 'under way' },
          ],
        },
      ],
    },
    {
      title: 'Retries and subscriptions',
      panels: [
        {
          title: 'Lateness of retries',
          description: 'From the time a retry was due to its attempt.',
          unit: 's',
          thresholds: [1, 10],
          queries: quantiles(`${delivery}_retry_lateness_seconds`),
        },
        {
          title: 'Event → delivery',
          description:
            'From the receipt of an event to the commit of the deliveries that endpoints subscribed to.',
          unit: 's',
          queries: quantiles(`${subscription}_delay_seconds`),
        },
        {
          title: 'Waiting to be handed out',
          description: 'Messages of millrace.events that subscriptions have not been matched with.',
          unit: 'short',
          queries: one(`sum(${subscription}_lag_messages)`, 'messages'),
        },
      ],
    },
    {
      title: 'Writing it down',
      panels: [
        {
          title: 'Transactions',
          description: 'By result. Failed ones are settled and repeated.',
          unit: 'cps',
          queries: one(rate(`${delivery}_transactions_total`, 'result'), '{{result}}'),
        },
        {
          title: 'How long they take',
          description: 'Committed ones.',
          unit: 's',
          queries: quantiles(`${delivery}_transaction_duration_seconds`),
        },
        {
          title: 'Finished and not written down',
          description: 'Repeated after a crash.',
          unit: 'short',
          queries: one(`sum(${delivery}_unsettled_outcomes)`, 'outcomes'),
        },
      ],
    },
    processRow('postback-delivery'),
  ],
}
