/** Where a message is in the topic. */
export interface MessagePosition {
  readonly partition: number
  readonly offset: number
}

/** Told what became of an `append`: one of both, once. */
export interface AppendOutcome {
  confirmed(positions: readonly MessagePosition[]): void
  /** @param error as `append` rejects with it */
  failed(error: unknown): void
}

/** What one `append` waits for. */
export class Append {
  /** Messages that hold records of it and are not confirmed. */
  open = 0
  readonly #outcome: AppendOutcome
  readonly #positions: MessagePosition[] = []
  #isOver = false

  constructor(outcome: AppendOutcome) {
    this.#outcome = outcome
  }

  confirm(position: MessagePosition): void {
    this.#positions.push(position)
    this.open -= 1
    if (this.open > 0 || this.#isOver) return
    this.#isOver = true
    this.#outcome.confirmed(this.#positions)
  }

  fail(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#outcome.failed(error)
  }
}
