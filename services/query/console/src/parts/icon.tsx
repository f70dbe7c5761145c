const paths = {
  pulse: 'M3 12h4l3-8 4 16 3-8h4',
  chart: 'M4 20V4M4 20h16M8.5 16v-4M13 16V8M17.5 16v-6',
  list: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01',
  send: 'M21 3 10 14M21 3l-7 18-4-7-7-4z',
  plus: 'M4 5h16v12H9l-5 4zM12 8v6M9 11h6',
  book: 'M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11',
  keyboard: 'M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20a7.5 7.5 0 0 1 15 0',
  leave: 'M14 4H6v16h8M11 12h10M18 8.5l3.5 3.5-3.5 3.5',
  screen: 'M3 5h18v11H3zM8 20h8M12 16v4',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z',
  pause: 'M9 5v14M15 5v14',
  play: 'M7 4.5v15l12-7.5z',
  close: 'M6 6l12 12M18 6 6 18',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  download: 'M12 4v11M7.5 11 12 15.5 16.5 11M4 20h16',
  replay: 'M4 12a8 8 0 1 1 2.6 5.9M4 12V6.5M4 12h5.5',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM16 16l5 5',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  alert: 'M12 3.5 22 20.5H2zM12 10v4.5M12 17.6v.1',
  inbox: 'M4 13 6.5 5h11L20 13v6H4zM4 13h5l1.5 2.5h3L15 13h5',
  check: 'M4.5 12.5 10 18 20 6.5',
  refresh: 'M20 12a8 8 0 1 1-2.6-5.9M20 4v5h-5',
} as const

export type IconName = keyof typeof paths

interface IconProps {
  readonly name: IconName
  /** What it says where no text stands beside it. */
  readonly label?: string
  readonly size?: number
}

export function Icon({ name, label, size = 16 }: IconProps) {
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: a title would show as a tooltip too; the label says it
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width={size > 20 ? 1.5 : 2}
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden={label === undefined}
      {...(label !== undefined && { role: 'img' as const, 'aria-label': label })}
    >
      <path d={paths[name]} />
    </svg>
  )
}
