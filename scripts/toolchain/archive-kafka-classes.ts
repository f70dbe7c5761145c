// Starts and stops a broker once, so that the JVM writes down the classes it has loaded.
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startKafka } from '../local-stack/kafka.ts'
import { KAFKA_CLASS_ARCHIVE } from '../local-stack/toolchain.ts'

/** On a busy machine, writing the archive takes far longer than stopping: killing the broker would lose it. */
const STOP_TIMEOUT_MS = 120_000

// Beside the jars, and so on one file system with them.
const directory = mkdtempSync(join(dirname(dirname(KAFKA_CLASS_ARCHIVE)), 'kafka-archive-'))
const written = join(directory, 'classes.jsa')
try {
  const kafka = await startKafka({ directory, jvmOptions: [`-XX:ArchiveClassesAtExit=${written}`] })
  await Promise.all(kafka.brokers.map((broker) => broker.stop(STOP_TIMEOUT_MS)))
  if (existsSync(written)) renameSync(written, KAFKA_CLASS_ARCHIVE)
  else console.log('The JVM kept no classes: Kafka works, and starts slower.')
} finally {
  rmSync(directory, { recursive: true, force: true })
}
