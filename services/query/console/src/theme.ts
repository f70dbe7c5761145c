export type Theme = 'auto' | 'light' | 'dark'

const storageKey = 'millrace.theme'

export function readTheme(): Theme {
  const kept = localStorage.getItem(storageKey)
  return kept === 'light' || kept === 'dark' ? kept : 'auto'
}

/** Charts are painted anew: a canvas knows nothing of variables. */
export const themeChanged = 'millrace:theme'

export function applyTheme(theme: Theme): void {
  if (theme === 'auto') {
    localStorage.removeItem(storageKey)
    delete document.documentElement.dataset.theme
  } else {
    localStorage.setItem(storageKey, theme)
    document.documentElement.dataset.theme = theme
  }
  dispatchEvent(new Event(themeChanged))
}
