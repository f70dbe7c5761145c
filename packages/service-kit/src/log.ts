import { type DestinationStream, type Logger, pino, symbols } from 'pino'
import { isoTime } from './iso-time.ts'

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

const censor = '[redacted]'

/** JSON lines: a constant message, facts as fields, times in RFC 3339. */
export function createLogger(service: string, level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: credentialPaths, censor },
  }
  return pino(options, destination ?? standardOutput())
}

/** Writes lines of one level. */
export interface LineLogger {
  info(fields: Readonly<Record<string, unknown>>, message: string): void
}

/** What the library keeps of a logger: for each line of it the same. */
interface Internals {
  readonly [symbols.streamSym]: DestinationStream
  readonly [symbols.chindingsSym]: string
}

/**
 * For lines that are many and whose fields are texts and numbers: the same lines, for less than half of what they cost.
 * Credentials are looked for among the fields alone, and they are written in one go instead of field by field.
 */
export function withFlatFields(logger: Logger): LineLogger {
  const names = credentialPaths.filter((path) => !path.includes('.'))
  const { [symbols.streamSym]: stream, [symbols.chindingsSym]: bindings } = logger as unknown as Internals
  return {
    info(fields, message) {
      if (!logger.isLevelEnabled('info')) return
      const shown = names.some((name) => Object.hasOwn(fields, name)) ? withoutThose(fields, names) : fields
      const members = JSON.stringify(shown).slice(1, -1)
      const rest = members === '' ? '' : `,${members}`
      stream.write(
        `{"level":"info","time":"${isoTime(Date.now())}"${bindings}${rest},"msg":${JSON.stringify(message)}}\n`,
      )
    },
  }
}

function withoutThose(fields: Readonly<Record<string, unknown>>, names: readonly string[]) {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, names.includes(name) ? censor : value]),
  )
}

const flushMs = 100
const bufferLength = 16 * 1024

interface BufferedOutput extends DestinationStream {
  /** Hands the lines on. */
  flush(): void
  /** The same, and waits until they are on their disk, where there is one. */
  flushSync(): void
}

let output: BufferedOutput | undefined

/** Lines travel together: written one by one they cost a system call each. A kill -9 may lose those of `flushMs`. */
function standardOutput(): DestinationStream {
  if (output !== undefined) return output
  output = bufferLines(pino.destination({ dest: 1, sync: true }))
  setInterval(output.flush, flushMs).unref()
  process.on('exit', flushLogs)
  return output
}

/** The destination's own buffer measures all that it holds at each line, for which it has to be copied. */
function bufferLines(destination: Pick<BufferedOutput, 'write' | 'flushSync'>): BufferedOutput {
  let lines = ''
  const flush = (): void => {
    const passed = lines
    lines = ''
    if (passed !== '') destination.write(passed)
  }
  return {
    write(line) {
      lines += line
      if (lines.length >= bufferLength) flush()
    },
    flush,
    flushSync() {
      flush()
      destination.flushSync()
    },
  }
}

/** Before a process ends otherwise than by `process.exit`. */
export function flushLogs(): void {
  output?.flushSync()
}
