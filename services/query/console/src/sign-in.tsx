import { useState } from 'preact/hooks'
import icon from '../icon.svg'
import type { ApiError } from './api.ts'
import { signIn } from './session.ts'
import type { SessionInfo } from './types.ts'

interface SignInProps {
  /** Why somebody who was here is asked again. */
  readonly message: string
  readonly onSignedIn: (session: SessionInfo) => void
}

export function SignIn({ message, onSignedIn }: SignInProps) {
  const [fault, setFault] = useState(message)
  const [busy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    const key = String(new FormData(form).get('key') ?? '').trim()
    if (key === '') return setFault('Enter a key.')
    setBusy(true)
    try {
      onSignedIn(await signIn(key))
    } catch (error) {
      setFault((error as ApiError).message)
      setBusy(false)
      form.querySelector('input')?.focus()
    }
  }
  return (
    <main class="sign-in">
      <form class="card" onSubmit={submit} noValidate>
        <div>
          <img src={icon} alt="" width="44" height="44" />
          <h1>Sign in to Millrace</h1>
        </div>
        <p>
          With an API key. It is kept in a sealed cookie that scripts cannot read, and you see what its scopes
          allow.
        </p>
        <div class="field">
          <label for="key">API key</label>
          <input
            id="key"
            name="key"
            class="input"
            type="password"
            autocomplete="off"
            spellcheck={false}
            autocapitalize="off"
            required
            aria-invalid={fault !== ''}
            aria-describedby="key-hint key-fault"
          />
          <span class="hint" id="key-hint">
            On the local stack, <code>make status</code> shows one.
          </span>
          <span class="fault" id="key-fault" role="alert">
            {fault}
          </span>
        </div>
        <button type="submit" class="button primary" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  )
}
