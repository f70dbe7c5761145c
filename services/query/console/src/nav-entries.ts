import type { IconName } from './parts/icon.tsx'

export interface NavEntry {
  readonly path: string
  readonly label: string
  readonly icon: IconName
  /** The second of the two keys that lead there. */
  readonly letter: string
}

export const entries: readonly NavEntry[] = [
  { path: '/', label: 'Live', icon: 'pulse', letter: 'l' },
  { path: '/reports', label: 'Reports', icon: 'chart', letter: 'r' },
  { path: '/events', label: 'Events', icon: 'list', letter: 'e' },
  { path: '/deliveries', label: 'Deliveries', icon: 'send', letter: 'd' },
  { path: '/postbacks', label: 'Postback', icon: 'plus', letter: 'p' },
  { path: '/catalog', label: 'Catalog', icon: 'book', letter: 'c' },
]
