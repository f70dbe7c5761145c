import type { BackfilledMeter } from './backfill-meter.ts'
import type { Mark } from './backfill-store.ts'

/** What a backfill asks of the lanes of this instance. */
export interface ProvenLane {
  readonly partition: number
  /**
   * Resolves with the next offset to be judged, once everything before it has landed and Kafka has confirmed since the
   * call that the partition is this lane's. Rejects when the lane is closed.
   */
  prove(): Promise<number>
}

/**
 * Finds out for which partitions all events of before a meter have landed. A lane that is confirmed as the owner after
 * it knew the meter judges nothing without it any more, and neither does any later owner: those read the catalog to
 * its end before they judge anything.
 */
export interface BackfillOwnership {
  /** Marks of the partitions owned here that can be made now; starts what the others need. */
  marks(meter: BackfilledMeter): readonly Mark[]
}

interface Deps {
  readonly lanes: () => readonly ProvenLane[]
  /** Next offset of millrace.catalog to come. */
  readonly catalogPosition: () => number
  /** More marks can be made. */
  readonly onProof: () => void
}

interface Proof {
  readonly catalogPosition: number
  readonly through: number
}

export function createBackfillOwnership({ lanes, catalogPosition, onProof }: Deps): BackfillOwnership {
  const proofs = new WeakMap<ProvenLane, Proof>()
  const asked = new WeakSet<ProvenLane>()
  const ask = (lane: ProvenLane): void => {
    if (asked.has(lane)) return
    asked.add(lane)
    const known = catalogPosition()
    lane
      .prove()
      .then((through) => {
        proofs.set(lane, { catalogPosition: known, through })
        onProof()
      })
      // A closed lane has another owner, who makes the mark.
      .catch(() => {})
      .finally(() => asked.delete(lane))
  }
  return {
    marks(meter) {
      return lanes().flatMap((lane) => {
        const proof = proofs.get(lane)
        if (proof !== undefined && proof.catalogPosition > meter.writtenAt) {
          return [{ meter, partition: lane.partition, through: proof.through }]
        }
        if (catalogPosition() > meter.writtenAt) ask(lane)
        return []
      })
    },
  }
}
