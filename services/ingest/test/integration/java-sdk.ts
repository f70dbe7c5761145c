import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '../../../..')
const pom = join(import.meta.dirname, 'java-sdk/pom.xml')
const program = join(import.meta.dirname, 'java-sdk/SendEvents.java')

/**
 * Sends events with the official SDK for Java; Java and Maven are what Kafka's set-up needs as well.
 * @returns a line for each request: its mode and the status of its answer
 */
export async function sendWithJavaSdk(url: string, authorization: string): Promise<string[]> {
  const jars = provideJars()
  const { stdout } = await promisify(execFile)('java', ['-cp', join(jars, '*'), program, url, authorization])
  return stdout.trim().split('\n')
}

/** The folder with the SDK's jars, fetched once for each version of the list. */
function provideJars(): string {
  const jars = join(root, '.toolchain/cloudevents-java')
  const stamp = join(jars, 'stamp')
  const wanted = createHash('sha256').update(readFileSync(pom)).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return jars
  const part = `${jars}.${process.pid}`
  const options = ['--batch-mode', '--no-transfer-progress', '-f', pom]
  const copy = spawnSync('mvn', [...options, 'dependency:copy-dependencies', `-DoutputDirectory=${part}`])
  if (copy.status !== 0) {
    const reason = copy.error?.message ?? String(copy.stdout)
    throw new Error(`the CloudEvents SDK for Java cannot be fetched with mvn: ${reason}`)
  }
  writeFileSync(join(part, 'stamp'), wanted)
  rmSync(jars, { recursive: true, force: true })
  renameSync(part, jars)
  return jars
}
