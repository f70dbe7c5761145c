import { spawnSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'

const DEBIAN_PACKAGES = [
  'python3',
  'make',
  'g++',
  'pkg-config',
  'libcurl4-openssl-dev',
  'libsasl2-dev',
  'libssl-dev',
  'zlib1g-dev',
  'libzstd-dev',
  'liblz4-dev',
]
const BREW_FORMULAE = ['python3', 'pkg-config', 'curl', 'openssl@3', 'zstd', 'lz4', 'cyrus-sasl']
const TOOLS = ['python3', 'make', 'g++']

/** What the build needs is there when this returns: installed when root on Debian, else named and thrown. */
export function requireBuildPackages(logFile: string): void {
  if (runs('dpkg-query', ['--version'])) requireDebianPackages(logFile)
  else namePackages()
}

function namePackages(): void {
  const missingTools = TOOLS.filter((tool) => !runs(tool, ['--version']))
  if (process.platform === 'darwin') {
    const missing = BREW_FORMULAE.filter((formula) => !runs('brew', ['list', '--formula', formula]))
    if (missingTools.length > 0) throw new Error(`${missingTools.join(', ')} missing: xcode-select --install`)
    if (missing.length > 0) throw new Error(`the addon's build needs: brew install ${missing.join(' ')}`)
  } else if (missingTools.length > 0) {
    throw new Error(
      `the addon's build needs ${missingTools.join(', ')} and the headers of curl, sasl2, openssl, zlib, zstd and lz4: ` +
        `install this system's packages of ${DEBIAN_PACKAGES.join(', ')}`,
    )
  }
}

function requireDebianPackages(logFile: string): void {
  const missing = DEBIAN_PACKAGES.filter((name) => !debianPackageInstalled(name))
  if (missing.length === 0) return
  const command = `apt-get update && apt-get install -y ${missing.join(' ')}`
  if (process.getuid?.() !== 0) {
    throw new Error(`the addon's build needs Debian packages: sudo sh -c '${command}'`)
  }
  process.stdout.write(`installing ${missing.join(' ')} ... `)
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const result = spawnSync('sh', ['-c', command], { env: environment, encoding: 'utf8' })
  appendFileSync(logFile, `\n== ${command}\n${result.stdout}${result.stderr}`)
  if (result.status !== 0) throw new Error(`could not install Debian packages (see ${logFile}): ${command}`)
}

function debianPackageInstalled(name: string): boolean {
  const result = spawnSync('dpkg-query', ['--status', name], { encoding: 'utf8' })
  return result.status === 0 && result.stdout.includes('\nStatus: install ok installed\n')
}

function runs(command: string, parameters: string[]): boolean {
  return spawnSync(command, parameters, { stdio: 'ignore' }).status === 0
}
