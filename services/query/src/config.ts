import { count, list, type Setting, setting, text } from '@millrace/service-kit/config'
import {
  clickhouseSettings,
  doorSettings,
  httpSettings,
  kafkaSettings,
  logSettings,
  rootKeySettings,
} from '@millrace/service-kit/shared-settings'
import { certificateFault, keyFault, pemFile } from '@millrace/service-kit/tls'

export const settings = {
  ...logSettings,
  ...kafkaSettings,
  ...clickhouseSettings,
  ...rootKeySettings,
  ...httpSettings(8081),
  ...doorSettings({ grpc: 50054, operations: 9104 }),
  aggregatorAddresses: setting(
    'AGGREGATOR_ADDRESSES',
    list('127.0.0.1:50053'),
    'host:port of aggregators, comma-separated; a name may stand for several of them',
  ),
  aggregatorTlsCa: setting(
    'AGGREGATOR_TLS_CA_FILE',
    pemFile(certificateFault),
    'PEM file of the authorities of the aggregators’ certificates; without it they are called in plain',
  ),
  aggregatorTlsCert: {
    ...setting(
      'AGGREGATOR_TLS_CERT_FILE',
      pemFile(certificateFault),
      'PEM file of the certificate to show to the aggregators',
    ),
    needs: 'AGGREGATOR_TLS_KEY_FILE',
  },
  aggregatorTlsKey: {
    ...setting(
      'AGGREGATOR_TLS_KEY_FILE',
      pemFile(keyFault),
      'PEM file of the private key of that certificate',
    ),
    needs: 'AGGREGATOR_TLS_CA_FILE',
  },
  aggregatorRefreshMs: setting(
    'AGGREGATOR_REFRESH_MS',
    count(5_000, 100),
    'milliseconds between looking up the names of aggregators again',
  ),
  maxQuerySeconds: setting(
    'QUERY_MAX_SECONDS',
    count(10),
    'seconds that ClickHouse may work on one question before the answer is 503',
  ),
  maxQueryMemoryBytes: setting(
    'QUERY_MAX_MEMORY_BYTES',
    count(1024 ** 3, 1024 ** 2),
    'bytes of memory that ClickHouse may use for one question',
  ),
  maxQueryRows: setting(
    'QUERY_MAX_ROWS_READ',
    count(1_000_000_000),
    'rows that ClickHouse may read for one question',
  ),
  cacheBytes: setting(
    'QUERY_CACHE_BYTES',
    count(128 * 1024 ** 2, 0),
    'bytes that kept reports may take in memory; 0 keeps none',
  ),
  maxStaleSeconds: setting(
    'QUERY_MAX_STALE_SECONDS',
    count(300, 0),
    'seconds for which a kept report is given, marked as stale, while ClickHouse does not answer; 0 gives none',
  ),
  ingestUrl: setting(
    'QUERY_INGEST_URL',
    text('')
      .refine(
        (value) => value === '' || /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
        'is no http(s) URL',
      )
      .transform((value) => (value === '' ? undefined : value.replace(/\/+$/, ''))) as unknown as Setting<
      string | undefined
    >['schema'],
    'URL of ingest’s public door, which the console’s commands go to; without it the console only reads',
  ),
  sessionMinutes: setting(
    'CONSOLE_SESSION_MINUTES',
    count(720, 1, 43_200),
    'minutes after which the console asks for a key again',
  ),
  livePushMs: setting(
    'LIVE_PUSH_MS',
    count(100, 50),
    'milliseconds between two pushes to the readers of a live view, at the least',
  ),
} as const
