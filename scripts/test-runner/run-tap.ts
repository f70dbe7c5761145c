import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { repository, type Tier } from './find-tests.ts'

/** Unit and integration files run two at a time; journeys have the machine to themselves. */
const limits: Record<Tier, { jobs: number; timeoutSeconds: number }> = {
  unit: { jobs: 2, timeoutSeconds: 60 },
  integration: { jobs: 2, timeoutSeconds: 240 },
  e2e: { jobs: 1, timeoutSeconds: 600 },
}

/** Runs test files with tap: a line per file, and of those that fail everything but what went well. */
export async function runTap(
  files: readonly string[],
  tier: Tier,
  env: Readonly<Record<string, string>>,
): Promise<{ passed: number; failed: number }> {
  const { jobs, timeoutSeconds } = limits[tier]
  const tap = spawn(
    process.execPath,
    [
      join(repository, 'node_modules/tap/dist/esm/run.mjs'),
      'run',
      '--reporter=tap',
      `--jobs=${jobs}`,
      `--timeout=${timeoutSeconds}`,
      ...files,
    ],
    { cwd: repository, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = once(tap, 'close') as Promise<[number | null]>
  let output: string[] = []
  let totals = ''
  for await (const line of createInterface({ input: tap.stdout })) {
    const result = /^(not )?ok \d+ - (.+?)(?: # time=([\d.]+m?s))?(?: \{)?$/.exec(line)
    if (line.startsWith('# { total:')) totals = line
    if (result === null) {
      output.push(line)
      continue
    }
    const failed = result[1] !== undefined
    console.log(`${failed ? '  FAILED' : '  ok    '} ${result[2]} ${result[3] ?? ''}`)
    if (failed) console.log(withoutSuccesses(output).join('\n'))
    output = []
  }
  const [code] = await ended
  if (code !== 0) console.log(withoutSuccesses(output).join('\n'))
  return readTotals(totals, code)
}

/** A log that shows only its begin, or its end, should still say what failed. */
export function withoutSuccesses(lines: readonly string[]): string[] {
  return lines.filter((line) => !/^\s*ok \d+\b/.test(line))
}

/** tap's own totals; a file that fails as a whole (a crash, a time-out) has no failing assertion of its own. */
export function readTotals(line: string, code: number | null): { passed: number; failed: number } {
  const number = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1] ?? 0)
  return { passed: number('pass'), failed: Math.max(number('fail'), code === 0 ? 0 : 1) }
}
