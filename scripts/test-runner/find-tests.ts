import { globSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const tiers = ['unit', 'integration', 'e2e'] as const
export type Tier = (typeof tiers)[number]

export const repository: string = fileURLToPath(new URL('../..', import.meta.url))

export function isTier(name: string): name is Tier {
  return (tiers as readonly string[]).includes(name)
}

/** Test files of a tier, relative to the repository: the tier is the folder below `test`. */
export function findTests(tier: Tier, parts: readonly string[]): string[] {
  return globSync(['{proto,scripts}/test/**/*.test.ts', '{packages,services,examples}/*/test/**/*.test.ts'], {
    cwd: repository,
    exclude: (path) => path.endsWith('node_modules'),
  })
    .filter((path) => tierOf(path) === tier)
    .filter((path) => parts.length === 0 || parts.some((part) => path.includes(part)))
    .sort()
}

export function tierOf(path: string): Tier {
  const [, below] = join('/', path).split('/test/')
  const folder = below?.split('/')[0] ?? ''
  return isTier(folder) ? folder : 'unit'
}
