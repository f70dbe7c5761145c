import { setTimeout as delay } from 'node:timers/promises'

/** Resident memory of the services over a load, from their own metrics. */
export interface MemoryWatch {
  /** Ends the watch; one line a service: the first and the last minute's mean, and the highest sample. */
  stop(): Promise<readonly string[]>
}

const everyMs = 5_000
/** Samples that one mean is made of: a minute's, which evens garbage collections out. */
const window = 12
const mebibyte = 1024 * 1024

/** @param services operations port by name */
export function watchMemory(services: Readonly<Record<string, number>>): MemoryWatch {
  const samples = new Map(Object.keys(services).map((name) => [name, [] as number[]]))
  const ending = new AbortController()
  const sample = async (): Promise<void> => {
    for (const [name, port] of Object.entries(services)) {
      const bytes = await readResidentBytes(port)
      if (bytes !== undefined) samples.get(name)?.push(bytes / mebibyte)
    }
  }
  const watch = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await sample()
      await delay(everyMs, undefined, { signal: ending.signal }).catch(() => undefined)
    }
    await sample()
  }
  const watching = watch()
  return {
    async stop() {
      ending.abort()
      await watching
      return [...samples].map(([name, values]) => describe(name, values))
    },
  }
}

/** Undefined while the service cannot be asked, which the load itself tells as well. */
async function readResidentBytes(port: number): Promise<number | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined)
  const text = (await response?.text()) ?? ''
  const value = /^process_resident_memory_bytes(?:\{[^}]*\})? ([\d.e+-]+)/m.exec(text)?.[1]
  return value === undefined ? undefined : Number(value)
}

function describe(name: string, values: readonly number[]): string {
  if (values.length === 0) return `${name.padEnd(18)} was not there`
  const mean = (list: readonly number[]): string =>
    (list.reduce((sum, value) => sum + value, 0) / list.length).toFixed(0)
  const first = mean(values.slice(0, window))
  const last = mean(values.slice(-window))
  return `${name.padEnd(18)} ${first} MiB at first, ${last} MiB at last, ${Math.max(...values).toFixed(0)} MiB at most`
}
