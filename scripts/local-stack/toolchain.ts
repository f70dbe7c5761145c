import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const REPOSITORY_ROOT = resolve(import.meta.dirname, '../..')
const KAFKA_JARS = join(REPOSITORY_ROOT, '.toolchain/kafka')

/** The parameters of java up to a main class of Kafka's. */
export function kafkaClassPath(): string[] {
  if (!existsSync(KAFKA_JARS)) throw new Error('Kafka is not installed here: make setup')
  return ['-cp', join(KAFKA_JARS, '*')]
}

/** Kafka's classes as the JVM keeps them after a run: starting with them costs half. Written at set-up. */
export const KAFKA_CLASS_ARCHIVE = join(KAFKA_JARS, 'classes.jsa')

/** The parameters that use the archive. A JVM that finds it was made by another one, or elsewhere, goes on without. */
export function classArchive(): string[] {
  if (!existsSync(KAFKA_CLASS_ARCHIVE)) return []
  return [`-XX:SharedArchiveFile=${KAFKA_CLASS_ARCHIVE}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off']
}

export function javaCommand(): string {
  const home = process.env.JAVA_HOME
  return home ? join(home, 'bin/java') : 'java'
}
