import { fixedMilliseconds } from '@millrace/catalog/duration'
import { type ConfigOf, count, setting, text } from '@millrace/service-kit/config'
import {
  doorSettings,
  kafkaSettings,
  logSettings,
  rootKeySettings,
  secretsKeySettings,
} from '@millrace/service-kit/shared-settings'
import { tracingSettings } from '@millrace/service-kit/span-recorder'
import { z } from 'zod'
import type { BreakersConfig } from './breakers.ts'
import { requestSettings } from './request-settings.ts'

export const settings = {
  ...logSettings,
  ...kafkaSettings,
  ...rootKeySettings,
  ...tracingSettings,
  ...secretsKeySettings,
  ...doorSettings({ grpc: 50_052, operations: 9_102 }),
  ...requestSettings,
  concurrency: setting('POSTBACK_CONCURRENCY', count(1_024, 1, 1_300), 'HTTP requests under way at most'),
  concurrencyPerOrigin: setting(
    'POSTBACK_CONCURRENCY_PER_ORIGIN',
    count(16),
    'HTTP requests of a tenant’s postbacks under way to one scheme, host and port at most',
  ),
  timeoutMs: setting(
    'POSTBACK_TIMEOUT_MS',
    count(10_000),
    'milliseconds from connecting to the end of the response, for deliveries that do not say',
  ),
  maxWaiting: setting(
    'POSTBACK_MAX_WAITING',
    count(20_000),
    'records in memory of each consumer above which it reads nothing more; half as many may wait for their receivers',
  ),
  maxWaitingBytes: setting(
    'POSTBACK_MAX_WAITING_BYTES',
    count(64 * 1024 * 1024),
    'bytes of records in memory of each consumer above which it reads nothing more; half as many may wait for their receivers',
  ),
  breakerWindowMs: setting(
    'POSTBACK_BREAKER_WINDOW_MS',
    count(30_000, 100),
    'milliseconds over which the requests to a receiver are looked at',
  ),
  breakerMinRequests: setting(
    'POSTBACK_BREAKER_MIN_REQUESTS',
    count(10),
    'requests within that time below which nothing is concluded',
  ),
  breakerFailingPercent: setting(
    'POSTBACK_BREAKER_FAILING_PERCENT',
    count(80, 1, 100),
    'part of them that has to fail before a receiver is no longer asked',
  ),
  breakerOpenMs: setting(
    'POSTBACK_BREAKER_OPEN_MS',
    count(5_000),
    'milliseconds until it is probed; each failed probe doubles them',
  ),
  breakerLongestOpenMs: setting(
    'POSTBACK_BREAKER_LONGEST_OPEN_MS',
    count(300_000),
    'milliseconds between two probes at most',
  ),
  disableAfterMs: setting(
    'POSTBACK_DISABLE_AFTER',
    z
      .string()
      .default('P5D')
      .transform(fixedMilliseconds)
      .refine(
        (ms) => ms !== undefined,
        'needs to be an ISO 8601 duration without years and months, such as P5D',
      )
      .transform(Number),
    'a registered endpoint that does nothing but fail for so long is disabled (ISO 8601 duration)',
  ),
  instanceId: setting(
    'POSTBACK_INSTANCE_ID',
    text(''),
    'names this instance among its siblings, best the same after a restart; host name and gRPC port if not given',
  ),
} as const

export type DeliveryConfig = ConfigOf<typeof settings>

/** When receivers are no longer asked. */
export function toBreakersConfig(config: DeliveryConfig): BreakersConfig {
  return {
    windowMs: config.breakerWindowMs,
    minRequests: config.breakerMinRequests,
    failingRatio: config.breakerFailingPercent / 100,
    openMs: config.breakerOpenMs,
    longestOpenMs: config.breakerLongestOpenMs,
  }
}
