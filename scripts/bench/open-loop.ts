/** A load that does not wait for answers: a slow one delays none of the next, and so hides nothing. */
export interface Pace {
  readonly perSecond: number
  readonly seconds: number
}

export interface AnswerTimes {
  readonly count: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

/** Calls `send` at the pace; each answer's time counts from the moment at which its request was due. */
export async function runOpenLoop(pace: Pace, send: (index: number) => Promise<void>): Promise<AnswerTimes> {
  const total = Math.round(pace.perSecond * pace.seconds)
  const times = new Float64Array(total)
  const startedAt = performance.now()
  const dueAt = (index: number): number => startedAt + (index / pace.perSecond) * 1_000
  const sends: Promise<void>[] = []
  await new Promise<void>((resolve) => {
    const tick = (): void => {
      while (sends.length < total && dueAt(sends.length) <= performance.now()) {
        const index = sends.length
        sends.push(
          send(index).then(() => {
            times[index] = performance.now() - dueAt(index)
          }),
        )
      }
      if (sends.length === total) resolve()
      else setTimeout(tick, 1)
    }
    tick()
  })
  await Promise.all(sends)
  times.sort()
  const quantile = (share: number): number => times[Math.min(total - 1, Math.floor(total * share))] ?? 0
  return { count: total, p50: quantile(0.5), p99: quantile(0.99) }
}
