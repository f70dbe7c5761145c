import type { ComponentChildren } from 'preact'
import type { ApiError } from '../api.ts'
import { useSession } from '../session.ts'
import { Icon, type IconName } from './icon.tsx'

interface BlankProps {
  readonly icon: IconName
  readonly title: string
  readonly slim?: boolean
  readonly children?: ComponentChildren
}

/** Where there is nothing to show: why, and what to do about it. */
export function Blank({ icon, title, slim = false, children }: BlankProps) {
  return (
    <div class={slim ? 'blank slim' : 'blank'}>
      <Icon name={icon} size={slim ? 24 : 36} />
      <h3>{title}</h3>
      {typeof children === 'string' ? <p>{children}</p> : children}
    </div>
  )
}

export function Loading({ rows = 5, what }: { readonly rows?: number; readonly what: string }) {
  return (
    <div class="skeleton" role="status" aria-label={`Loading ${what}`}>
      {Array.from({ length: rows }, (_, index) => (
        <i key={index} />
      ))}
    </div>
  )
}

export function Fault({ error, retry }: { readonly error: ApiError; readonly retry?: () => void }) {
  return (
    <div role="alert">
      <Blank icon="alert" title={error.status === 0 ? 'Not connected' : 'This did not work'}>
        <p>{error.message}</p>
        {retry !== undefined && (
          <button type="button" class="button" onClick={retry}>
            <Icon name="refresh" /> Try again
          </button>
        )}
      </Blank>
    </div>
  )
}

/** Above what is shown from before. */
export function Stale({
  error,
  retry,
}: {
  readonly error: ApiError | undefined
  readonly retry: () => void
}) {
  if (error === undefined) return null
  return (
    <div class="notice" data-tone="warn" role="status">
      <span>Shown as last read. {error.message}</span>
      <button type="button" class="button" onClick={retry}>
        Try again
      </button>
    </div>
  )
}

interface NeedsProps {
  readonly scope: string
  /** What a person cannot do without it. */
  readonly to: string
  readonly children: ComponentChildren
}

/** Shows something to keys of a scope, and tells the others why they do not see it. */
export function Needs({ scope, to, children }: NeedsProps) {
  const { can } = useSession()
  if (can(scope)) return <>{children}</>
  return (
    <div class="card">
      <Blank icon="lock" title={`This key may not ${to}`}>
        <p>
          It lacks the scope <code>{scope}</code>. Sign in with a key that has it.
        </p>
      </Blank>
    </div>
  )
}
