import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { Icon } from './icon.tsx'

interface DialogProps {
  readonly title: string
  /** Beside the title. */
  readonly aside?: ComponentChildren
  readonly open: boolean
  readonly onClose: () => void
  readonly children: ComponentChildren
}

function Dialog({ title, aside, open, onClose, children, kind }: DialogProps & { readonly kind: string }) {
  const element = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useEffect(() => {
    const dialog = element.current
    if (dialog === null) return
    if (open && !dialog.open) dialog.showModal()
    if (!open && dialog.open) dialog.close()
  }, [open])
  // A click beside it is a click on the dialog itself: all else lies on its content.
  const onClick = (event: MouseEvent) => {
    if (event.target === element.current) onClose()
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc does the same, by the browser itself
    <dialog ref={element} class={kind} aria-labelledby={titleId} onClose={onClose} onClick={onClick}>
      {open && (
        <div>
          <div class="sheet-head">
            {/* Read first, and nothing looks pressed: Tab goes on from here. */}
            <h2 id={titleId} tabIndex={-1} ref={focusOnce}>
              {title}
            </h2>
            <div class="card-aside">
              {aside}
              <button type="button" class="button plain icon-only" onClick={onClose}>
                <Icon name="close" label="Close" />
              </button>
            </div>
          </div>
          <div class="sheet-body">{children}</div>
        </div>
      )}
    </dialog>
  )
}

function focusOnce(heading: HTMLElement | null): void {
  heading?.focus()
}

/** The details of one thing, over the list it is in. */
export function Sheet(props: DialogProps) {
  return <Dialog {...props} kind="sheet" />
}

export function Modal(props: DialogProps) {
  return <Dialog {...props} kind="modal" />
}
