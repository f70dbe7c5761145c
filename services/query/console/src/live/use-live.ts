import { useEffect, useRef, useState } from 'preact/hooks'
import type { ApiError } from '../api.ts'
import type { ChartData } from '../parts/chart-data.ts'
import type { LiveMessage } from '../types.ts'
import { type FeedState, followLive } from './live-feed.ts'

const spanSeconds = 300

export interface Live {
  readonly state: FeedState | 'refused'
  readonly error: ApiError | undefined
  readonly message: LiveMessage | undefined
  readonly chart: ChartData
}

const emptyChart: ChartData = { times: [], series: [{ label: 'value', values: [] }] }
const nothing: Live = { state: 'connecting', error: undefined, message: undefined, chart: emptyChart }

/** A meter as it is now. Paused, it stays as it is; what came meanwhile is there at once afterwards. */
export function useLive(meter: string | undefined, paused: boolean): Live {
  const [live, setLive] = useState<Live>(nothing)
  const latest = useRef<Live>(nothing)
  const hold = useRef(paused)
  hold.current = paused
  useEffect(() => {
    const show = (change: Partial<Live>) => {
      latest.current = { ...latest.current, ...change }
      if (!hold.current) setLive(latest.current)
    }
    latest.current = nothing
    setLive(nothing)
    if (meter === undefined) return
    const seconds = new Map<number, number | null>()
    return followLive(meter, {
      message(message) {
        if (message.reset) seconds.clear()
        for (const { second, value } of message.seconds) seconds.set(Date.parse(second) / 1_000, value)
        const asOf = Date.parse(message.asOf) / 1_000
        for (const second of seconds.keys()) if (second < asOf - spanSeconds) seconds.delete(second)
        show({ message, error: undefined, chart: toChart(seconds, asOf, message.aggregation) })
      },
      state(state, error) {
        const status = (error as ApiError | undefined)?.status ?? 0
        const refused = state === 'lost' && status >= 400 && status < 500
        show({ state: refused ? 'refused' : state, ...(error !== undefined && { error: error as ApiError }) })
      },
    })
  }, [meter])
  useEffect(() => {
    if (!paused) setLive(latest.current)
  }, [paused])
  return live
}

/** The seconds at both ends are not whole, and would look like dips: the line leaves them out. */
function toChart(seconds: ReadonlyMap<number, number | null>, asOf: number, aggregation: string): ChartData {
  const adds = aggregation === 'count' || aggregation === 'sum' || aggregation === 'amount'
  const end = Math.floor(asOf) - 1
  const times = Array.from({ length: spanSeconds - 3 }, (_, index) => end - spanSeconds + 4 + index)
  const values = times.map((second) => seconds.get(second) ?? (adds ? 0 : null))
  return { times, series: [{ label: 'value', values }] }
}
