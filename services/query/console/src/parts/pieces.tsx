import type { ComponentChildren } from 'preact'
import { useId, useState } from 'preact/hooks'
import { formatFull, formatMoment } from '../format.ts'
import { Icon } from './icon.tsx'

export type Tone = 'good' | 'warn' | 'bad' | 'accent' | 'none'

export function Badge({
  tone,
  pulse,
  children,
}: {
  tone: Tone
  pulse?: boolean
  children: ComponentChildren
}) {
  return (
    <span class="badge" data-tone={tone} data-pulse={pulse || undefined}>
      {children}
    </span>
  )
}

interface CardProps {
  readonly title: string
  readonly aside?: ComponentChildren
  /** Tables and lists bring their own edges. */
  readonly flush?: boolean
  readonly children: ComponentChildren
}

export function Card({ title, aside, flush = false, children }: CardProps) {
  const id = useId()
  return (
    <section class="card" aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {aside !== undefined && <div class="card-aside">{aside}</div>}
      </div>
      {flush ? children : <div class="card-body">{children}</div>}
    </section>
  )
}

interface ViewHeadProps {
  readonly title: string
  readonly about: ComponentChildren
  readonly children?: ComponentChildren
}

export function ViewHead({ title, about, children }: ViewHeadProps) {
  return (
    <div class="view-head">
      <div>
        <h1>{title}</h1>
        <p class="muted">{about}</p>
      </div>
      <div class="view-tools">{children}</div>
    </div>
  )
}

export function Moment({ time }: { readonly time: string }) {
  return (
    <time class="nowrap" dateTime={time} title={`${formatFull(time)} (${time})`}>
      {formatMoment(time)}
    </time>
  )
}

export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    setTimeout(() => setCopied(false), 1_600)
  }
  return (
    <button type="button" class="button" onClick={copy}>
      <Icon name={copied ? 'check' : 'copy'} />
      <span aria-live="polite">{copied ? 'Copied' : what}</span>
    </button>
  )
}

/** JSON for people: names, texts and everything else differ. */
export function Json({ value, label }: { readonly value: unknown; readonly label: string }) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  return (
    <section aria-label={label}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys */}
      <pre class="code" tabIndex={0}>
        {typeof value === 'string' ? text : colour(text)}
      </pre>
    </section>
  )
}

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g

function colour(text: string): ComponentChildren[] {
  const parts: ComponentChildren[] = []
  let end = 0
  for (const match of text.matchAll(token)) {
    const [all, quoted, colon = ''] = match
    parts.push(text.slice(end, match.index))
    const kind = quoted === undefined ? 'other' : colon === '' ? 'text' : 'name'
    parts.push(<span class={kind}>{quoted ?? all}</span>, colon)
    end = match.index + all.length
  }
  return [...parts, text.slice(end)]
}

interface LoadMoreProps {
  readonly count: number
  readonly what: string
  readonly more: (() => void) | undefined
  readonly loading: boolean
}

export function LoadMore({ count, what, more, loading }: LoadMoreProps) {
  return (
    <div class="table-foot">
      <span role="status">
        {count} {what} shown{more === undefined ? '' : ', there are more'}
      </span>
      {more !== undefined && (
        <button type="button" class="button" onClick={more} disabled={loading}>
          {loading ? 'Loading…' : 'Load more'}
        </button>
      )}
    </div>
  )
}
