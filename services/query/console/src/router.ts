import { useEffect, useState } from 'preact/hooks'
import { addressOf, type Parameters } from './address.ts'

const moved = 'millrace:moved'

export interface Place {
  readonly path: string
  readonly query: URLSearchParams
}

export function here(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) }
}

/** Where the page is; what a view shows follows from it, so that an address can be shared. */
export function usePlace(): Place {
  const [place, setPlace] = useState(here)
  useEffect(() => {
    const update = () => setPlace(here())
    addEventListener('popstate', update)
    addEventListener(moved, update)
    return () => {
      removeEventListener('popstate', update)
      removeEventListener(moved, update)
    }
  }, [])
  return place
}

export function goTo(path: string, parameters: Parameters = {}): void {
  history.pushState(null, '', addressOf(path, parameters))
  dispatchEvent(new Event(moved))
}

/** Changes some parameters of this place; undefined or '' takes one away. */
export function change(parameters: Parameters, how: 'push' | 'replace' = 'replace'): void {
  const all = { ...Object.fromEntries(here().query), ...parameters }
  const address = addressOf(location.pathname, all)
  if (how === 'push') history.pushState(null, '', address)
  else history.replaceState(null, '', address)
  dispatchEvent(new Event(moved))
}

/** For links: a plain click stays in the page, any other one is the browser's. */
export function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  const link = event.currentTarget as HTMLAnchorElement
  event.preventDefault()
  history.pushState(null, '', link.href)
  dispatchEvent(new Event(moved))
}
