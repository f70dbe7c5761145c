import { setTimeout as delay } from 'node:timers/promises'

/** Memory of the services over a load, from their own metrics. */
export interface MemoryWatch {
  /** Ends the watch; one line a service. */
  stop(): Promise<readonly string[]>
}

interface Sample {
  readonly residentBytes: number
  readonly heapBytes: number
}

const everyMs = 5_000
/** Samples of a minute. */
const window = 12
const mebibyte = 1024 * 1024

/** @param services operations port by name */
export function watchMemory(services: Readonly<Record<string, number>>): MemoryWatch {
  const samples = new Map(Object.keys(services).map((name) => [name, [] as Sample[]]))
  const ending = new AbortController()
  const take = async (): Promise<void> => {
    for (const [name, port] of Object.entries(services)) {
      const sample = await readSample(port)
      if (sample !== undefined) samples.get(name)?.push(sample)
    }
  }
  const watch = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await take()
      await delay(everyMs, undefined, { signal: ending.signal }).catch(() => undefined)
    }
    await take()
  }
  const watching = watch()
  return {
    async stop() {
      ending.abort()
      await watching
      return [...samples]
        .filter(([, taken]) => taken.length > 0)
        .map(([name, taken]) => describe(name, taken))
    },
  }
}

/** Undefined while the service cannot be asked, which the load itself tells as well, or is not part of the stack. */
async function readSample(port: number): Promise<Sample | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined)
  if (response === undefined) return undefined
  const text = await response.text()
  const value = (name: string): number =>
    Number(new RegExp(`^${name}(?:\\{[^}]*\\})? ([\\d.e+-]+)`, 'm').exec(text)?.[1] ?? Number.NaN)
  return {
    residentBytes: value('process_resident_memory_bytes'),
    heapBytes: value('nodejs_heap_size_used_bytes'),
  }
}

/** Means of what is resident; of the heap its lowest, which is what garbage collections leave. */
function describe(name: string, samples: readonly Sample[]): string {
  const resident = (of: readonly Sample[]): number =>
    of.reduce((sum, { residentBytes }) => sum + residentBytes, 0) / of.length / mebibyte
  const heap = (of: readonly Sample[]): number => Math.min(...of.map(({ heapBytes }) => heapBytes)) / mebibyte
  const [first, last] = [samples.slice(0, window), samples.slice(-window)]
  const span = (figure: (of: readonly Sample[]) => number): string =>
    `${figure(first).toFixed(0)} MiB in the first minute, ${figure(last).toFixed(0)} in the last`
  return `${name.padEnd(18)} resident ${span(resident)}; heap after collections ${span(heap)}`
}
