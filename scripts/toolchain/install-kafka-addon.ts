// The Kafka client's native addon: already there, else from this folder's cache, else prebuilt, else built.
// Usage: node install-kafka-addon.ts LOG_FILE STAMP_FILE. On success the stamp names the addon's file.
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { buildAddon } from './build-kafka-addon.ts'
import { requireBuildPackages } from './build-packages.ts'

const PREBUILT_TIMEOUT_MS = 30_000

const root = resolve(import.meta.dirname, '../..')
const toolchainFolder = join(root, '.toolchain')
const [logFile, stampFile] = process.argv.slice(2)
if (logFile === undefined || stampFile === undefined) throw new Error('usage: LOG_FILE STAMP_FILE')

const kitRequire = createRequire(join(root, 'packages/service-kit/package.json'))
const packageFolder = dirname(kitRequire.resolve('@confluentinc/kafka-javascript/package.json'))
const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
  version: string
}
const key = `kafka-javascript-${version}-abi${process.versions.modules}-${process.platform}-${process.arch}`
const cacheFolder = join(toolchainFolder, 'addons', key)

/** The built files of `from`, which is laid out as the package is, copied into the same places of `to`. */
function copyBuilt(from: string, to: string): void {
  for (const folder of ['build/Release', 'build/deps']) {
    if (!existsSync(join(from, folder))) continue
    // Links are only for those who would link against the libraries.
    const files = readdirSync(join(from, folder), { withFileTypes: true }).filter((entry) => entry.isFile())
    for (const { name } of files) {
      if (!/\.(node|dylib)$|\.so(\.\d+)*$/.test(name)) continue
      mkdirSync(join(to, folder), { recursive: true })
      copyFileSync(join(from, folder, name), join(to, folder, name))
    }
  }
}

/** A cache folder is whole or not there. */
function cacheBuilt(from: string): void {
  const part = `${cacheFolder}.part`
  rmSync(part, { recursive: true, force: true })
  rmSync(cacheFolder, { recursive: true, force: true })
  copyBuilt(from, part)
  renameSync(part, cacheFolder)
}

// In a process of its own: a half-built addon can crash the one that loads it.
function addonLoads(): boolean {
  const result = spawnSync(process.execPath, ['-e', 'require(process.argv[1])', packageFolder], {
    stdio: 'ignore',
  })
  return result.status === 0
}

function installPrebuilt(): boolean {
  const packageRequire = createRequire(join(packageFolder, 'package.json'))
  const installer = packageRequire.resolve('@mapbox/node-pre-gyp/bin/node-pre-gyp')
  const result = spawnSync(process.execPath, [installer, 'install'], {
    cwd: packageFolder,
    timeout: PREBUILT_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    encoding: 'utf8',
  })
  appendFileSync(logFile ?? '', `\n== prebuilt addon\n${result.stdout}${result.stderr}`)
  return result.status === 0 && addonLoads()
}

function install(): string {
  if (existsSync(join(packageFolder, 'build/Release')) && addonLoads()) {
    if (!existsSync(cacheFolder)) cacheBuilt(packageFolder)
    return 'already there'
  }
  copyBuilt(cacheFolder, packageFolder)
  if (existsSync(cacheFolder) && addonLoads()) return 'from .toolchain/addons'
  if (installPrebuilt()) {
    cacheBuilt(packageFolder)
    return 'prebuilt'
  }
  requireBuildPackages(logFile ?? '')
  process.stdout.write('no prebuilt one to be had, building it (some two minutes, once) ... ')
  buildAddon({ packageFolder, toolchainFolder, logFile: logFile ?? '', keepBuilt: cacheBuilt })
  copyBuilt(cacheFolder, packageFolder)
  if (!addonLoads()) throw new Error('the addon was built but does not load')
  return 'built'
}

try {
  process.stdout.write("Installing the Kafka client's addon ... ")
  const startedAt = Date.now()
  const how = install()
  process.stdout.write(`done (${how}, ${Math.round((Date.now() - startedAt) / 1000)} s)\n`)
  const addon = join(packageFolder, 'build/Release/confluent-kafka-javascript.node')
  writeFileSync(stampFile, `${relative(root, addon)}\n`)
} catch (error) {
  process.stdout.write('failed\n')
  process.stderr.write(`setup: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
