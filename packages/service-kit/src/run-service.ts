import { ConfigError, type ConfigOf, readConfig, type Settings } from './config.ts'
import { endProcess } from './hung-calls.ts'
import { createLogger, type Logger } from './log.ts'
import type { logSettings } from './shared-settings.ts'

export interface RunningService {
  /** Not ready → doors closed → work finished → producers flushed, offsets committed → clients closed. */
  stop(): Promise<void>
}

/**
 * The life of a process: read the configuration, start, wait for a signal, stop.
 * Exits 1 on a faulty configuration or a failed start, 0 after a graceful stop.
 */
export async function runService<Group extends Settings & typeof logSettings>(
  name: string,
  settings: Group,
  start: (config: ConfigOf<Group>, logger: Logger) => Promise<RunningService>,
): Promise<void> {
  const config = readConfigOrExit(settings)
  const { logLevel, shutdownTimeoutMs } = config as ConfigOf<typeof logSettings>
  const logger = createLogger(name, logLevel)
  process.on('unhandledRejection', (error) => {
    logger.fatal({ err: error }, 'unhandled rejection')
    endProcess(1)
  })
  let stopping: Promise<void> | undefined
  let service: RunningService | undefined
  const stop = (signal: string): void => {
    if (stopping !== undefined) return
    logger.info({ signal }, 'stopping')
    const deadline = setTimeout(() => {
      logger.error({ shutdownTimeoutMs }, 'stop took too long')
      endProcess(1)
    }, shutdownTimeoutMs)
    deadline.unref()
    stopping = (async () => {
      await service?.stop()
      logger.info('stopped')
      endProcess(0)
    })().catch((error: unknown) => {
      logger.error({ err: error }, 'stop failed')
      endProcess(1)
    })
  }
  process.on('SIGTERM', () => stop('SIGTERM'))
  process.on('SIGINT', () => stop('SIGINT'))
  try {
    service = await start(config, logger)
    logger.info('started')
  } catch (error) {
    logger.fatal({ err: error }, 'start failed')
    endProcess(1)
  }
}

/** Reads the process' settings; says every fault and exits 1 when there are any. */
export function readConfigOrExit<Group extends Settings>(settings: Group): ConfigOf<Group> {
  try {
    return readConfig(settings, process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(error.message)
    process.exit(1)
  }
}
