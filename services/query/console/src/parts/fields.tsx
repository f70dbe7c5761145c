import type { ComponentChildren } from 'preact'
import { useEffect, useId, useState } from 'preact/hooks'

interface FieldProps {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  readonly hint?: ComponentChildren
  readonly fault?: string | undefined
}

interface TextFieldProps extends FieldProps {
  readonly type?: 'text' | 'datetime-local' | 'number'
  readonly placeholder?: string
  /** Values to choose from, among others. */
  readonly options?: readonly string[]
  readonly mono?: boolean
  /** Tells of each letter: something follows it. */
  readonly eager?: boolean
}

/** Tells of a change when somebody leaves the field or presses Enter, or else as `eager` says. */
export function TextField({ label, value, onChange, hint, fault, options, ...rest }: TextFieldProps) {
  const id = useId()
  const [draft, setDraft] = useState(value)
  useEffect(() => setDraft(value), [value])
  const listed = options !== undefined && options.length > 0
  const tell = () => {
    if (draft !== value) onChange(draft)
  }
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class={rest.mono ? 'input mono' : 'input'}
        type={rest.type ?? 'text'}
        placeholder={rest.placeholder}
        value={draft}
        list={listed ? `${id}-list` : undefined}
        spellcheck={false}
        autocomplete="off"
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-more`}
        onInput={(event) => {
          setDraft(event.currentTarget.value)
          if (rest.eager) onChange(event.currentTarget.value)
        }}
        onChange={tell}
        onBlur={tell}
        onKeyDown={(event) => {
          if (event.key === 'Enter') tell()
        }}
      />
      {listed && (
        <datalist id={`${id}-list`}>
          {options.map((option) => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
      <More id={id} hint={hint} fault={fault} />
    </div>
  )
}

interface SelectFieldProps extends FieldProps {
  readonly options: readonly (string | readonly [value: string, label: string])[]
}

export function SelectField({ label, value, onChange, hint, fault, options }: SelectFieldProps) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} class="input" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => {
          const [key, text] = typeof option === 'string' ? [option, option] : option
          return (
            <option key={key} value={key}>
              {text}
            </option>
          )
        })}
      </select>
      <More id={id} hint={hint} fault={fault} />
    </div>
  )
}

export function AreaField({ label, value, onChange, hint, fault, rows = 5 }: FieldProps & { rows?: number }) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        class="input"
        rows={rows}
        value={value}
        spellcheck={false}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-more`}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      <More id={id} hint={hint} fault={fault} />
    </div>
  )
}

function More({ id, hint, fault }: { id: string; hint: ComponentChildren; fault: string | undefined }) {
  if (hint === undefined && fault === undefined) return null
  return (
    <span id={`${id}-more`} class={fault === undefined ? 'hint' : 'fault'}>
      {fault ?? hint}
    </span>
  )
}
