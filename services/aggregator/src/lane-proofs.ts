/** Who waits for the proof that a lane owns its partition. */
export interface LaneProofs {
  /** Resolves with the offset of the next proof; rejects when the lane is closed. */
  ask(): Promise<number>
  areAsked(): boolean
  /**
   * Makes a proof for all who asked before the call.
   * @param confirm resolves once Kafka has taken a commit of the lane that was sent after the call
   */
  give(through: number, confirm: () => Promise<void>): Promise<void>
  close(reason: unknown): void
}

export function createLaneProofs(): LaneProofs {
  const asked: PromiseWithResolvers<number>[] = []
  let closed: { readonly reason: unknown } | undefined
  return {
    ask() {
      const proof = Promise.withResolvers<number>()
      if (closed === undefined) asked.push(proof)
      else proof.reject(closed.reason)
      return proof.promise
    },
    areAsked: () => asked.length > 0,
    async give(through, confirm) {
      const before = asked.length
      await confirm()
      for (const { resolve } of asked.splice(0, before)) resolve(through)
    },
    close(reason) {
      closed = { reason }
      for (const { reject } of asked.splice(0)) reject(reason)
    },
  }
}
