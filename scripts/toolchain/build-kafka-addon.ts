import { spawnSync } from 'node:child_process'
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'

const BUILD_TIMEOUT_MS = 20 * 60_000

export type BuildAddonOptions = {
  packageFolder: string
  toolchainFolder: string
  logFile: string
  /** Called with a folder laid out as the package is, with what was built in it. */
  keepBuilt: (builtFolder: string) => void
}

/**
 * Builds the addon in a temporary folder whose path has no space (make, gyp and librdkafka's configure break
 * on one), and leaves none of its 280 MB of objects behind.
 */
export function buildAddon(options: BuildAddonOptions): void {
  const folder = mkdtempSync(join(tmpdir().includes(' ') ? '/tmp' : tmpdir(), 'millrace-addon-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  const onSignal = () => {
    removeFolder()
    process.exit(130)
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    const workFolder = copySources(options, folder)
    runNodeGyp(folder, workFolder, options.logFile)
    options.keepBuilt(workFolder)
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    removeFolder()
  }
}

function copySources({ packageFolder, toolchainFolder }: BuildAddonOptions, folder: string): string {
  const workFolder = join(folder, 'node_modules/@confluentinc/kafka-javascript')
  const built = join(packageFolder, 'build') + sep
  cpSync(realpathSync(packageFolder), workFolder, {
    recursive: true,
    filter: (source) =>
      !`${source}${sep}`.startsWith(built) && !source.startsWith(join(packageFolder, 'node_modules')),
  })
  const nan = dirname(createRequire(join(packageFolder, 'package.json')).resolve('nan/package.json'))
  cpSync(nan, join(folder, 'node_modules/nan'), { recursive: true, dereference: true })
  // node-gyp with what it imports: everything in the toolchain but Node and pnpm themselves.
  const tools = join(toolchainFolder, 'node_modules')
  const carried = readdirSync(tools).filter(
    (name) => name !== 'pnpm' && !name.startsWith('.') && !/^node-(bin-|linux|darwin)/.test(name),
  )
  for (const name of carried)
    cpSync(join(tools, name), join(folder, 'tools/node_modules', name), { recursive: true })
  cpSync(join(dirname(process.execPath), '../include'), join(folder, 'node/include'), { recursive: true })
  mkdirSync(join(folder, 'node/bin'))
  symlinkSync(process.execPath, join(folder, 'node/bin/node'))
  return workFolder
}

function runNodeGyp(folder: string, workFolder: string, logFile: string): void {
  const log = openSync(logFile, 'a')
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${join(folder, 'node/bin')}:${process.env.PATH ?? ''}`,
    CKJS_LINKING: 'dynamic',
    npm_config_nodedir: join(folder, 'node'),
    HOME: folder,
  }
  // Not in parallel: the addon's rules do not order librdkafka's configure before its make.
  const nodeGyp = join(folder, 'tools/node_modules/node-gyp/bin/node-gyp.js')
  const result = spawnSync(join(folder, 'node/bin/node'), [nodeGyp, 'rebuild'], {
    cwd: workFolder,
    env: environment,
    stdio: ['ignore', log, log],
    timeout: BUILD_TIMEOUT_MS,
  })
  closeSync(log)
  if (result.status === 0) return
  throw new Error(
    `building the Kafka client's addon failed (${result.error?.message ?? `exit code ${result.status}`}): see ${logFile}`,
  )
}
