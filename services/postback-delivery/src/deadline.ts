/** A time by which something has to be over. */
export interface Deadline {
  readonly passed: boolean
  readonly endsAtMs: number
  /** Called once, with what to say of it; whoever works last before the deadline sets it. */
  onPassed: (detail: string) => void
  clear(): void
}

export function createDeadline(timeoutMs: number): Deadline {
  let passed = false
  const timer = setTimeout(() => {
    passed = true
    deadline.onPassed(`no whole response within ${timeoutMs} ms`)
  }, timeoutMs)
  const deadline: Deadline = {
    get passed() {
      return passed
    },
    endsAtMs: performance.now() + timeoutMs,
    onPassed() {},
    clear: () => clearTimeout(timer),
  }
  return deadline
}
