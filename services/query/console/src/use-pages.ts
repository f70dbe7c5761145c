import { useEffect, useState } from 'preact/hooks'
import { addressOf } from './address.ts'
import { ApiError, read } from './api.ts'
import { useRead } from './use-read.ts'

export interface Pages<Item> {
  readonly items: readonly Item[]
  readonly error: ApiError | undefined
  readonly loading: boolean
  readonly stale: boolean
  /** Undefined when there are no more. */
  readonly more: (() => void) | undefined
  readonly loadingMore: boolean
  reload(): void
}

type Page<Item> = { readonly nextCursor?: string } & Readonly<Record<string, readonly Item[]>>

interface Rest<Item> {
  readonly path: string | undefined
  readonly items: readonly Item[]
  readonly cursor: string | undefined
}

/**
 * A list page by page. Its first page is read again and again as long as it stands alone; once somebody has asked for
 * more, it stays as it is, so that nothing moves below their eyes.
 */
export function usePages<Item>(path: string | undefined, member: string, everyMs: number): Pages<Item> {
  const [rest, setRest] = useState<Rest<Item>>({ path: undefined, items: [], cursor: undefined })
  const [loadingMore, setLoadingMore] = useState(false)
  const [fault, setFault] = useState<ApiError>()
  const paged = rest.path !== undefined && rest.path === path
  const first = useRead<Page<Item>>(path, paged ? 0 : everyMs)
  useEffect(() => setFault(undefined), [path])
  const cursor = paged ? rest.cursor : first.data?.nextCursor
  const head = first.data?.[member] ?? []
  const more = async () => {
    if (path === undefined || cursor === undefined) return
    setLoadingMore(true)
    try {
      const at = path.indexOf('?')
      const query = Object.fromEntries(new URLSearchParams(at === -1 ? '' : path.slice(at)))
      const bare = at === -1 ? path : path.slice(0, at)
      const page = await read<Page<Item>>(addressOf(bare, { ...query, cursor }))
      const items = paged ? rest.items : head
      setRest({ path, items: [...items, ...(page[member] ?? [])], cursor: page.nextCursor })
    } catch (error) {
      setFault(error instanceof ApiError ? error : new ApiError(0, String(error)))
    } finally {
      setLoadingMore(false)
    }
  }
  return {
    items: paged ? rest.items : head,
    error: fault ?? first.error,
    loading: first.loading,
    stale: first.stale || fault !== undefined,
    more: cursor === undefined ? undefined : () => void more(),
    loadingMore,
    reload() {
      setRest({ path: undefined, items: [], cursor: undefined })
      first.reload()
    },
  }
}
