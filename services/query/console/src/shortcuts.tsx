import { useEffect } from 'preact/hooks'
import { entries } from './nav-entries.ts'
import { Modal } from './parts/dialogs.tsx'
import { goTo } from './router.ts'

/** Views listen for it: p pauses and goes on. */
export const pauseAsked = 'millrace:pause'

interface ShortcutsProps {
  readonly open: boolean
  readonly setOpen: (open: boolean) => void
}

/** Keys for everything that is done often, and the list of them. */
export function Shortcuts({ open, setOpen }: ShortcutsProps) {
  useEffect(() => {
    let goPressedAt = Number.NEGATIVE_INFINITY
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
      if (document.querySelector('dialog[open]') !== null) return
      const entry = entries.find(({ letter }) => letter === event.key)
      if (entry !== undefined && event.timeStamp - goPressedAt < 1_500) {
        goPressedAt = Number.NEGATIVE_INFINITY
        event.preventDefault()
        goTo(entry.path)
        document.getElementById('main')?.focus()
      } else if (event.key === 'g') {
        goPressedAt = event.timeStamp
      } else if (event.key === '?') {
        setOpen(true)
      } else if (event.key === '/') {
        event.preventDefault()
        document.querySelector<HTMLElement>('main .input')?.focus()
      } else if (event.key === 'p') {
        dispatchEvent(new Event(pauseAsked))
      }
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [setOpen])
  return (
    <Modal title="Keyboard shortcuts" open={open} onClose={() => setOpen(false)}>
      <dl class="facts">
        {entries.map(({ letter, label, path }) => (
          <Shortcut key={path} keys={['g', letter]} what={`Go to ${label}`} />
        ))}
        <Shortcut keys={['/']} what="First field of the view" />
        <Shortcut keys={['p']} what="Pause the live view, or go on" />
        <Shortcut keys={['Esc']} what="Close what is open" />
        <Shortcut keys={['?']} what="This list" />
      </dl>
    </Modal>
  )
}

function Shortcut({ keys, what }: { readonly keys: readonly string[]; readonly what: string }) {
  return (
    <>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{what}</dd>
    </>
  )
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input:not([type="radio"]), textarea, select')
}
