import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger } from 'pino'

/** Names of fields that may hold credentials; they never reach a log. */
const credentialPaths = [
  'authorization',
  'headers.authorization',
  '*.authorization',
  'key',
  'secret',
  'password',
]

/** JSON lines: a constant message, facts as fields, times in RFC 3339. */
export function createLogger(service: string, level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: credentialPaths, censor: '[redacted]' },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}
