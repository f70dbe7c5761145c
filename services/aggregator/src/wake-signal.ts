/** Lets one loop sleep until something may have changed. */
export interface WakeSignal {
  wake(): void
  /** Resolves at the next `wake`, at once when there was one since the last wait, or after `timeoutMs`. */
  wait(timeoutMs?: number): Promise<void>
}

export function createWakeSignal(): WakeSignal {
  let woken = false
  let resume: (() => void) | undefined
  return {
    wake() {
      woken = true
      resume?.()
    },
    async wait(timeoutMs) {
      let timer: NodeJS.Timeout | undefined
      if (!woken) {
        await new Promise<void>((resolve) => {
          resume = resolve
          if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs)
        })
      }
      clearTimeout(timer)
      resume = undefined
      woken = false
    },
  }
}
