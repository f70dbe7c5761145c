import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { median, startNode } from './measure.ts'
import type { PacedTimes } from './open-loop.ts'
import type { GetLoad } from './paced-gets.ts'

export interface TimedServer {
  readonly url: string
  readonly requests: readonly Buffer[]
}

const rounds = 3
const seconds = 4

/**
 * Answer times of servers at one pace, in turn, medians of three rounds. Who asks is a process of its own: in one with
 * other work, that work would be what is measured. It is kept to the cores that this process is kept to.
 */
export async function measureAnswerTimes(
  directory: string,
  servers: readonly TimedServer[],
  places: Uint16Array,
  perSecond: number,
): Promise<readonly PacedTimes[]> {
  const files = servers.map(({ requests }, index) => {
    const load: GetLoad = { requests: requests.map(String), places: [...places] }
    const file = join(directory, `paced-${index}.json`)
    writeFileSync(file, JSON.stringify(load))
    return file
  })
  const found: PacedTimes[][] = servers.map(() => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, { url }] of servers.entries()) {
      const args = [files[index] ?? '', url, String(perSecond), String(seconds)]
      const asking = await startNode(new URL('paced-gets.ts', import.meta.url), args)
      found[index]?.push(JSON.parse(await asking.firstLine) as PacedTimes)
      await asking.stop()
    }
  }
  return found.map((all) => {
    const times = all.map((it) => it.times)
    return {
      times: {
        count: median(times.map(({ count }) => count)),
        p50: median(times.map(({ p50 }) => p50)),
        p99: median(times.map(({ p99 }) => p99)),
      },
      lateP99: median(all.map(({ lateP99 }) => lateP99)),
    }
  })
}
