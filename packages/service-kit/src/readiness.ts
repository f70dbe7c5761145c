/** What a service still waits for, by name: "kafka" → "no broker answers". Ready when nothing is left. */
export interface Readiness {
  /** `reason` says what is missing; undefined means all is well. */
  set(name: string, reason: string | undefined): void
  missing(): Readonly<Record<string, string>>
  isReady(): boolean
  /** Calls back at every change between ready and not ready; returns what ends that. */
  onChange(listener: (ready: boolean) => void): () => void
}

/** @param names parts that have to say that they are well before the service is ready */
export function createReadiness(names: readonly string[]): Readiness {
  const missing = new Map<string, string>(names.map((name) => [name, 'not started yet']))
  const listeners = new Set<(ready: boolean) => void>()
  return {
    set(name, reason) {
      const before = missing.size === 0
      if (reason === undefined) missing.delete(name)
      else missing.set(name, reason)
      const after = missing.size === 0
      if (before !== after) for (const listener of listeners) listener(after)
    },
    missing: () => Object.fromEntries(missing),
    isReady: () => missing.size === 0,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
