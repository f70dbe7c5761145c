/** Further off than this from the system's clock, the process' own has drifted or was stopped. */
const toleranceMs = 1.5

/** Microseconds since 1970 by the system's clock, which tells milliseconds only; what lies between is measured. */
export function createClock(): () => number {
  let originMs = performance.timeOrigin
  return () => {
    const wallMs = Date.now()
    let ms = originMs + performance.now()
    if (Math.abs(ms - wallMs) > toleranceMs) {
      originMs += wallMs - ms
      ms = wallMs
    }
    return Math.floor(ms * 1_000)
  }
}
