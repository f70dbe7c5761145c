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
  const failed = Promise.withResolvers<never>()
  const run = runPacedCalls(pace, (index, answered) => {
    send(index).then(answered, failed.reject)
  })
  const { times } = await Promise.race([run, failed.promise])
  return times
}

export interface PacedTimes {
  readonly times: AnswerTimes
  /** Milliseconds by which requests went out after they were due, which is part of their answers' times. */
  readonly lateP99: number
}

/** The same for a `send` that calls back when it is answered: a promise for each would cost as much as the request. */
export async function runPacedCalls(
  { perSecond, seconds }: Pace,
  send: (index: number, answered: () => void) => void,
): Promise<PacedTimes> {
  const total = Math.round(perSecond * seconds)
  const times = new Float64Array(total)
  const late = new Float64Array(total)
  const startedAt = performance.now()
  const dueAt = (index: number): number => startedAt + (index / perSecond) * 1_000
  let sent = 0
  let answers = 0
  await new Promise<void>((resolve) => {
    const ask = (index: number): void => {
      late[index] = performance.now() - dueAt(index)
      send(index, () => {
        times[index] = performance.now() - dueAt(index)
        answers += 1
        if (answers === total) resolve()
      })
    }
    const tick = (): void => {
      while (sent < total && dueAt(sent) <= performance.now()) {
        sent += 1
        ask(sent - 1)
      }
      if (sent < total) setTimeout(tick, 1)
    }
    tick()
  })
  const quantile = (of: Float64Array, share: number): number =>
    of.toSorted()[Math.min(total - 1, Math.floor(total * share))] ?? 0
  return {
    times: { count: total, p50: quantile(times, 0.5), p99: quantile(times, 0.99) },
    lateP99: quantile(late, 0.99),
  }
}
