import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@millrace/service-kit/log'
import { createSignal } from '@millrace/service-kit/signal'
import type { LandedPartition, ReadLandedCells } from './landed-cells-reader.ts'
import { type LiveView, liveSeconds } from './live-view.ts'
import { retryUntilDone } from './retry.ts'

/** Keeps the live view what the partitions of this instance add up to, whoever has landed them. */
export interface LiveLoader {
  /** Partitions have come or gone. */
  partitionsChanged(): void
  stop(): Promise<void>
}

interface Deps {
  readonly live: Pick<LiveView, 'reload'>
  readonly read: ReadLandedCells
  /** Partitions of this instance, each with the offset up to which its events are in the live view as landed ones. */
  readonly landed: () => readonly LandedPartition[]
  readonly nextTurn: () => Promise<void>
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Partitions come and go together. */
const settleMs = 50

/**
 * What lands from the moment on at which the reading begins goes into the view by itself, what had landed before comes
 * from ClickHouse: the two meet at the offsets that the partitions have come to. So several instances add up at any time.
 */
export function startLiveLoader(deps: Deps, config: { readonly liveMaxCells: number }): LiveLoader {
  const { live, logger } = deps
  const stopping = new AbortController()
  const changed = createSignal()
  let wanted = 0
  let loading = new AbortController()

  const load = async (signal: AbortSignal): Promise<void> => {
    const startedAt = performance.now()
    const reload = live.reload()
    try {
      // In the same go as the reload: nothing may land in between.
      const partitions = deps.landed()
      let cells = 0
      if (partitions.length > 0) {
        const fromSecond = Math.floor(deps.now() / 1_000) - liveSeconds
        for await (const rows of deps.read(partitions, fromSecond, config.liveMaxCells, signal)) {
          await deps.nextTurn()
          for (const { tenant, second, cell, ...reading } of rows) reload.add(tenant, reading, second, cell)
          cells += rows.length
        }
      }
      signal.throwIfAborted()
      reload.finish()
      const loadMs = Math.round(performance.now() - startedAt)
      logger.info({ partitions: partitions.length, cells, loadMs }, 'live view loaded')
    } catch (error) {
      reload.cancel()
      throw error
    }
  }

  const run = async (): Promise<void> => {
    let done = 0
    while (!stopping.signal.aborted) {
      if (done === wanted) await changed.wait()
      await sleep(settleMs)
      const now = wanted
      loading = new AbortController()
      const signal = AbortSignal.any([loading.signal, stopping.signal])
      try {
        await retryUntilDone(() => load(signal), {
          signal,
          onFailure: (error, attempt) => {
            if (attempt % 10 === 1)
              logger.warn({ attempt, err: error }, 'live view cannot be loaded, trying again')
          },
        })
        done = now
      } catch (error) {
        if (!signal.aborted) throw error
      }
    }
  }
  const running = run()

  return {
    partitionsChanged() {
      wanted += 1
      loading.abort(new Error('other partitions'))
      changed.notify()
    },
    async stop() {
      stopping.abort(new Error('the service stops'))
      changed.notify()
      await running
    },
  }
}
