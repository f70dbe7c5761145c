/** A time by which something has to be over. */
export interface Deadline {
  readonly passed: boolean
  /** Called once, with what to say of it; whoever works last before the deadline sets it. */
  onPassed: ((detail: string) => void) | undefined
  clear(): void
}

/** Deadlines of many things at once: a timer for each of them would cost more than all else about them. */
export interface Deadlines {
  /** It passes at most a tick late, never early. */
  start(timeoutMs: number): Deadline
}

const tickMs = 20
const slots = 1_024

/** A timer wheel: each slot is a ring of the deadlines that end in it, in this turn of the wheel or a later one. */
export function createDeadlines(): Deadlines {
  const wheel = Array.from({ length: slots }, () => new Link())
  let ticks = 0
  let running = 0
  let timer: NodeJS.Timeout | undefined
  let startedMs = 0

  const tick = (): void => {
    const due = Math.floor((performance.now() - startedMs) / tickMs)
    while (ticks < due) {
      ticks += 1
      passDue(wheel[ticks % slots] as Link, ticks)
    }
    if (running > 0) return
    clearInterval(timer)
    timer = undefined
  }
  const onEnd = (): void => {
    running -= 1
  }
  return {
    start(timeoutMs) {
      if (timer === undefined) {
        startedMs = performance.now()
        ticks = 0
        timer = setInterval(tick, tickMs)
      }
      running += 1
      const endTick = Math.max(ticks + 1, Math.ceil((performance.now() - startedMs + timeoutMs) / tickMs))
      const deadline = new WheelDeadline(endTick, timeoutMs, onEnd)
      deadline.insert(wheel[endTick % slots] as Link)
      return deadline
    },
  }
}

function passDue(slot: Link, tick: number): void {
  const due: WheelDeadline[] = []
  for (let link = slot.next; link !== slot; link = link.next) {
    if (link instanceof WheelDeadline && link.endTick <= tick) due.push(link)
  }
  for (const deadline of due) deadline.pass()
}

class Link {
  next: Link = this
  previous: Link = this

  insert(slot: Link): void {
    this.next = slot
    this.previous = slot.previous
    slot.previous.next = this
    slot.previous = this
  }

  remove(): void {
    this.previous.next = this.next
    this.next.previous = this.previous
    this.next = this
    this.previous = this
  }
}

class WheelDeadline extends Link implements Deadline {
  passed = false
  onPassed: ((detail: string) => void) | undefined = undefined
  readonly endTick: number
  readonly #timeoutMs: number
  #onEnd: (() => void) | undefined

  constructor(endTick: number, timeoutMs: number, onEnd: () => void) {
    super()
    this.endTick = endTick
    this.#timeoutMs = timeoutMs
    this.#onEnd = onEnd
  }

  pass(): void {
    // Another one that has just passed may have cleared it.
    if (this.#onEnd === undefined) return
    this.passed = true
    const { onPassed } = this
    this.clear()
    onPassed?.(`no whole response within ${this.#timeoutMs} ms`)
  }

  clear(): void {
    if (this.#onEnd === undefined) return
    this.remove()
    this.#onEnd()
    this.#onEnd = undefined
    // What it would have called must not outlive it.
    this.onPassed = undefined
  }
}
