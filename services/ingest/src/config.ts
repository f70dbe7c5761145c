import type { ConfigOf } from '@millrace/service-kit/config'
import { count, setting } from '@millrace/service-kit/config'
import {
  doorSettings,
  httpSettings,
  kafkaSettings,
  logSettings,
  rootKeySettings,
  secretsKeySettings,
} from '@millrace/service-kit/shared-settings'
import { tracingSettings } from '@millrace/service-kit/span-recorder'

const mebibyte = 1024 * 1024

export const settings = {
  ...logSettings,
  ...kafkaSettings,
  ...rootKeySettings,
  ...tracingSettings,
  ...secretsKeySettings,
  ...httpSettings(8080),
  ...doorSettings({ grpc: 50_051, operations: 9101 }),
  maxBodyBytes: setting(
    'INGEST_MAX_BODY_BYTES',
    count(4 * mebibyte),
    'bytes that the body of a request, or a gRPC request, may have',
  ),
  maxEvents: setting('INGEST_MAX_EVENTS', count(10_000), 'events that a request may hold'),
  maxEventBytes: setting(
    'INGEST_MAX_EVENT_BYTES',
    count(900_000, 1, 950_000),
    'bytes that one event or delivery may have as it is stored; a message of Kafka holds a million',
  ),
  requestTimeoutMs: setting(
    'INGEST_REQUEST_TIMEOUT_MS',
    count(10_000, 1_000),
    'milliseconds after which a request that Kafka has not confirmed is answered with 503',
  ),
  headersTimeoutMs: setting(
    'INGEST_HEADERS_TIMEOUT_MS',
    count(10_000),
    'milliseconds within which the headers of a request have to be there, from its first byte or the connection on',
  ),
  receiveTimeoutMs: setting(
    'INGEST_RECEIVE_TIMEOUT_MS',
    count(60_000),
    'milliseconds within which the whole of a request has to be there',
  ),
  maxConnections: setting(
    'INGEST_MAX_CONNECTIONS',
    count(10_000),
    'connections that the HTTP door holds; further ones are closed at once',
  ),
  maxUnconfirmedBytes: setting(
    'INGEST_MAX_UNCONFIRMED_BYTES',
    count(64 * mebibyte),
    'bytes that may wait for Kafka’s confirmation; requests above it are answered with 503',
  ),
  maxRequestBytes: setting(
    'INGEST_MAX_REQUEST_BYTES',
    count(128 * mebibyte),
    'bytes that all requests that are being read or answered may hold together; requests above it are answered with 503',
  ),
  maxQueueMs: setting(
    'INGEST_MAX_QUEUE_MS',
    count(4_000, 100),
    'milliseconds that a record may have to wait for Kafka’s confirmation, by what waits already; requests above it are answered with 503',
  ),
  packMs: setting(
    'INGEST_PACK_MS',
    count(2, 0),
    'milliseconds that an event waits for others to share a Kafka message with',
  ),
  packBytes: setting(
    'INGEST_PACK_BYTES',
    count(512 * 1024, 1, 950_000),
    'bytes up to which events share a Kafka message, which holds a million',
  ),
} as const

export type IngestConfig = ConfigOf<typeof settings>
