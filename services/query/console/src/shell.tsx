import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import icon from '../icon.svg'
import { entries } from './nav-entries.ts'
import { Icon, type IconName } from './parts/icon.tsx'
import { follow } from './router.ts'
import { useSession } from './session.ts'
import { Shortcuts } from './shortcuts.tsx'
import { applyTheme, readTheme, type Theme } from './theme.ts'

export function Shell({ path, children }: { readonly path: string; readonly children: ComponentChildren }) {
  const [helpOpen, setHelpOpen] = useState(false)
  const openHelp = () => setHelpOpen(true)
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="frame">
        <PhoneBar onHelp={openHelp} />
        <div class="side">
          <Brand />
          <nav class="nav" aria-label="Views">
            <ul>
              {entries.map((entry) => (
                <li key={entry.path}>
                  <a
                    href={entry.path}
                    onClick={follow}
                    aria-current={entry.path === path ? 'page' : undefined}
                  >
                    <Icon name={entry.icon} />
                    {entry.label}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
          <div class="side-foot">
            <div class="side-actions">
              <ThemeSwitch name="theme" />
              <button
                type="button"
                class="button plain icon-only"
                onClick={openHelp}
                title="Keyboard shortcuts"
              >
                <Icon name="keyboard" label="Keyboard shortcuts" />
              </button>
            </div>
            <Who />
          </div>
        </div>
      </header>
      <div class="content">
        <main id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
      <Shortcuts open={helpOpen} setOpen={setHelpOpen} />
    </div>
  )
}

function Brand() {
  return (
    <a class="brand" href="/" onClick={follow}>
      <img src={icon} alt="" width="26" height="26" />
      Millrace
    </a>
  )
}

function Who() {
  const { tenant, application, constraints, signOut } = useSession()
  return (
    <div class="who">
      <strong>{application}</strong>
      <span class="muted">
        {tenant}
        {constraints !== undefined && ' · constrained key'}
      </span>
      <div>
        <button type="button" class="button plain" onClick={signOut} style={{ marginLeft: '-12px' }}>
          <Icon name="leave" /> Sign out
        </button>
        <a class="button plain" href="/docs">
          <Icon name="book" /> API
        </a>
      </div>
    </div>
  )
}

function PhoneBar({ onHelp }: { readonly onHelp: () => void }) {
  return (
    <div class="phone-bar">
      <Brand />
      <details>
        <summary class="button plain icon-only" aria-label="Account and appearance">
          <Icon name="person" />
        </summary>
        <div class="phone-menu">
          <ThemeSwitch name="phone-theme" />
          <Who />
          <button type="button" class="button" onClick={onHelp}>
            Keyboard shortcuts
          </button>
        </div>
      </details>
    </div>
  )
}

const themes: readonly (readonly [Theme, string, IconName])[] = [
  ['auto', 'As the system', 'screen'],
  ['light', 'Light', 'sun'],
  ['dark', 'Dark', 'moon'],
]

function ThemeSwitch({ name }: { readonly name: string }) {
  const [theme, setTheme] = useState(readTheme)
  const choose = (value: Theme) => {
    setTheme(value)
    applyTheme(value)
  }
  return (
    <div class="theme" role="radiogroup" aria-label="Appearance">
      {themes.map(([value, label, icon]) => (
        <label key={value} title={label}>
          <input type="radio" name={name} checked={theme === value} onChange={() => choose(value)} />
          <Icon name={icon} label={label} />
        </label>
      ))}
    </div>
  )
}
