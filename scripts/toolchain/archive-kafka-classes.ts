// Starts and stops a broker once, so that the JVM writes down the classes it has loaded.
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { startKafka } from '../local-stack/kafka.ts'
import { KAFKA_CLASS_ARCHIVE } from '../local-stack/toolchain.ts'

// Beside the jars, and so on one file system with them.
const directory = mkdtempSync(join(dirname(dirname(KAFKA_CLASS_ARCHIVE)), 'kafka-archive-'))
const written = join(directory, 'classes.jsa')
try {
  const kafka = await startKafka({ directory, jvmOptions: [`-XX:ArchiveClassesAtExit=${written}`] })
  await kafka.stop()
  renameSync(written, KAFKA_CLASS_ARCHIVE)
} finally {
  rmSync(directory, { recursive: true, force: true })
}
