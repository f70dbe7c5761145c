import { useEffect, useState } from 'preact/hooks'
import { type ApiError, signedOut } from './api.ts'
import { CatalogView } from './catalog/catalog-view.tsx'
import { DeliveriesView } from './deliveries/deliveries-view.tsx'
import { EventsView } from './events/events-view.tsx'
import { LiveView } from './live/live-view.tsx'
import { Blank, Fault } from './parts/states.tsx'
import { PostbackView } from './postbacks/postback-view.tsx'
import { ReportsView } from './reports/reports-view.tsx'
import { usePlace } from './router.ts'
import { readSession, SessionContext, signIn, signOut, takeKeyFromAddress } from './session.ts'
import { Shell } from './shell.tsx'
import { SignIn } from './sign-in.tsx'
import type { SessionInfo } from './types.ts'

const views: Readonly<Record<string, { readonly title: string; readonly view: () => preact.JSX.Element }>> = {
  '/': { title: 'Live', view: LiveView },
  '/reports': { title: 'Reports', view: ReportsView },
  '/events': { title: 'Events', view: EventsView },
  '/deliveries': { title: 'Deliveries', view: DeliveriesView },
  '/postbacks': { title: 'Postback', view: PostbackView },
  '/catalog': { title: 'Catalog', view: CatalogView },
}

type Who = 'asking' | 'nobody' | SessionInfo

export function App() {
  const [who, setWho] = useState<Who>('asking')
  const [fault, setFault] = useState<ApiError>()
  const [farewell, setFarewell] = useState('')
  const { path } = usePlace()
  const ask = () => {
    setFault(undefined)
    findOutWho().then(setWho, setFault)
  }
  useEffect(ask, [])
  useEffect(() => {
    const leave = () => {
      setFarewell('Your session has ended. Sign in again.')
      setWho('nobody')
      // The cookie of a revoked key says nothing any more.
      void signOut().catch(() => {})
    }
    addEventListener(signedOut, leave)
    return () => removeEventListener(signedOut, leave)
  }, [])
  const title = views[path]?.title
  useEffect(() => {
    document.title = who === 'nobody' ? 'Sign in · Millrace' : `${title ?? 'Not found'} · Millrace`
  }, [title, who])
  if (fault !== undefined) {
    return (
      <main>
        <Fault error={fault} retry={ask} />
      </main>
    )
  }
  if (who === 'asking') return <main aria-busy="true" />
  if (who === 'nobody') return <SignIn message={farewell} onSignedIn={setWho} />
  const session = {
    ...who,
    can: (scope: string) => who.scopes.includes(scope),
    signOut: () => {
      setFarewell('')
      void signOut().finally(() => setWho('nobody'))
    },
  }
  const View = views[path]?.view ?? NotFound
  return (
    <SessionContext.Provider value={session}>
      <Shell path={path}>
        <View />
      </Shell>
    </SessionContext.Provider>
  )
}

/** A key in the address signs in, unless somebody is signed in already. */
async function findOutWho(): Promise<Who> {
  const key = takeKeyFromAddress()
  const known = await readSession()
  if (known !== undefined || key === undefined) return known ?? 'nobody'
  return signIn(key).catch(() => 'nobody' as const)
}

function NotFound() {
  return (
    <Blank icon="search" title="There is no such page">
      Choose one of the views on the left.
    </Blank>
  )
}
