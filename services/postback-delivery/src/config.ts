import { type ConfigOf, count, setting, text } from '@millrace/service-kit/config'
import {
  doorSettings,
  kafkaSettings,
  logSettings,
  rootKeySettings,
  secretsKeySettings,
} from '@millrace/service-kit/shared-settings'
import { z } from 'zod'
import { type Network, parseNetwork } from './address-guard.ts'

const networks = z
  .string()
  .default('')
  .transform((value, context) => {
    const parts = value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
    return parts.flatMap((part): Network[] => {
      const network = parseNetwork(part)
      if (network !== undefined) return [network]
      context.addIssue({ code: 'custom', message: `${part} is not a network such as 10.1.0.0/16 or ::1/128` })
      return []
    })
  }) as unknown as z.ZodType<readonly Network[]>

export const settings = {
  ...logSettings,
  ...kafkaSettings,
  ...rootKeySettings,
  ...secretsKeySettings,
  ...doorSettings({ grpc: 50_052, operations: 9_102 }),
  allowedNetworks: setting(
    'POSTBACK_ALLOWED_NETWORKS',
    networks,
    'networks (CIDR, comma-separated) that may be called although they are not public',
  ),
  concurrency: setting('POSTBACK_CONCURRENCY', count(256), 'HTTP requests under way at most'),
  concurrencyPerOrigin: setting(
    'POSTBACK_CONCURRENCY_PER_ORIGIN',
    count(16),
    'HTTP requests under way, and connections, to one scheme, host and port at most',
  ),
  timeoutMs: setting(
    'POSTBACK_TIMEOUT_MS',
    count(10_000),
    'milliseconds from connecting to the end of the response, for deliveries that do not say',
  ),
  maxResponseBytes: setting(
    'POSTBACK_MAX_RESPONSE_BYTES',
    count(65_536),
    'bytes of a response that are read before the connection is cut',
  ),
  captureBytes: setting(
    'POSTBACK_CAPTURE_BYTES',
    // All of an attempt has to fit into one Kafka message.
    count(4_096, 0, 256 * 1024),
    'bytes of a response’s body that are logged and kept, at most 262144',
  ),
  maxWaiting: setting(
    'POSTBACK_MAX_WAITING',
    count(8_000),
    'records in memory above which nothing more is read from Kafka',
  ),
  maxWaitingBytes: setting(
    'POSTBACK_MAX_WAITING_BYTES',
    count(64 * 1024 * 1024),
    'bytes of records in memory above which nothing more is read from Kafka',
  ),
  instanceId: setting(
    'POSTBACK_INSTANCE_ID',
    text(''),
    'names this instance among its siblings, best the same after a restart; host name and gRPC port if not given',
  ),
} as const

export type DeliveryConfig = ConfigOf<typeof settings>
