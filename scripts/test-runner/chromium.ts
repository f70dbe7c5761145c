import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const applications = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/**
 * The browser that the page's tests drive: CHROMIUM_PATH, or one that is installed. On Debian and as root a missing
 * one is installed; elsewhere the error says how to.
 */
export function provideChromium(environment: NodeJS.ProcessEnv): string {
  const found = findChromium(environment)
  if (found !== undefined) return found
  if (process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0) {
    console.log('installing chromium for the page’s tests (apt-get)')
    execFileSync('apt-get', ['update'], { stdio: ['ignore', 'ignore', 'inherit'] })
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const installed = findChromium(environment)
    if (installed !== undefined) return installed
  }
  throw new Error(
    'Chromium is missing: sudo apt-get install chromium (Debian), brew install --cask chromium (macOS), or set CHROMIUM_PATH',
  )
}

function findChromium(environment: NodeJS.ProcessEnv): string | undefined {
  const given = environment.CHROMIUM_PATH
  const paths = (environment.PATH ?? '').split(delimiter)
  const candidates = [...names.flatMap((name) => paths.map((path) => join(path, name))), ...applications]
  return [...(given ? [given] : []), ...candidates].find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
