// Runs one tier of the tests and ends with a line "N passed, N failed".
//   node scripts/run-tests.ts unit|integration|e2e [part of a path ...]
// integration: with a private Kafka and ClickHouse, whose addresses the tests get in KAFKA_BROKERS and CLICKHOUSE_URL.
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startClickHouse, startKafka } from './local-stack/index.ts'
import { provideChromium } from './test-runner/chromium.ts'
import { findTests, isTier, type Tier, tiers } from './test-runner/find-tests.ts'
import { runTap } from './test-runner/run-tap.ts'
import { buildConsole } from './toolchain/build-console.ts'

const [tierName, ...parts] = process.argv.slice(2)
if (tierName === undefined || !isTier(tierName)) {
  console.error(`usage: node scripts/run-tests.ts ${tiers.join('|')} [part of a path ...]`)
  process.exit(2)
}
process.exitCode = await runTier(tierName)

async function runTier(tier: Tier): Promise<number> {
  const files = findTests(tier, parts)
  if (files.length === 0) {
    console.error(`no ${tier} test matches ${parts.join(' ') || 'anything'}`)
    return 1
  }
  console.log(`${tier}: ${files.length} files`)
  const { passed, failed } = await runFiles(tier, files)
  console.log(`${passed} passed, ${failed} failed`)
  return failed === 0 && passed > 0 ? 0 : 1
}

async function runFiles(tier: Tier, files: readonly string[]): Promise<{ passed: number; failed: number }> {
  await buildConsole()
  if (tier === 'integration') return runWithStores(files)
  return runTap(files, tier, tier === 'e2e' ? { CHROMIUM_PATH: provideChromium(process.env) } : {})
}

async function runWithStores(files: readonly string[]): Promise<{ passed: number; failed: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-tests-'))
  const [kafka, clickhouse] = await Promise.all([
    startKafka({ directory: join(directory, 'kafka') }),
    startClickHouse({ directory: join(directory, 'clickhouse') }),
  ])
  try {
    return await runTap(files, 'integration', {
      KAFKA_BROKERS: kafka.bootstrapServers,
      CLICKHOUSE_URL: clickhouse.url,
    })
  } finally {
    await Promise.all([kafka.stop(), clickhouse.stop()])
    await rm(directory, { recursive: true, force: true })
  }
}
