import { addressOf } from '../address.ts'
import { DataTable } from '../parts/data-table.tsx'
import { Sheet } from '../parts/dialogs.tsx'
import { Card, CopyButton, Json, LoadMore, ViewHead } from '../parts/pieces.tsx'
import { Blank, Fault, Loading, Needs, Stale } from '../parts/states.tsx'
import { change, goTo, usePlace } from '../router.ts'
import { useSession } from '../session.ts'
import { usePages } from '../use-pages.ts'
import { type Item, type Kind, kinds } from './catalog-kinds.tsx'

export function CatalogView() {
  const { query } = usePlace()
  const kind = kinds.find(({ path }) => path === query.get('kind')) ?? kinds[0]
  return (
    <>
      <ViewHead title="Catalog" about="What the mesh works by, as it is now. Secrets never show." />
      <Tabs chosen={kind} />
      {kind !== undefined && (
        <div id="catalog-panel" role="tabpanel" aria-labelledby={`tab-${kind.path}`}>
          <Needs scope={kind.scope} to={`read ${kind.title.toLowerCase()}`}>
            <Kinds key={kind.path} kind={kind} name={query.get('name') ?? undefined} />
          </Needs>
        </div>
      )}
    </>
  )
}

function Tabs({ chosen }: { readonly chosen: Kind | undefined }) {
  const move = (event: KeyboardEvent) => {
    const at = chosen === undefined ? 0 : kinds.indexOf(chosen)
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (step === undefined) return
    const next = kinds[(at + step + kinds.length) % kinds.length]
    if (next === undefined) return
    goTo('/catalog', { kind: next.path })
    document.getElementById(`tab-${next.path}`)?.focus()
  }
  return (
    <div class="tabs" role="tablist" aria-label="Kinds of resources" onKeyDown={move}>
      {kinds.map((kind) => (
        <button
          key={kind.path}
          id={`tab-${kind.path}`}
          type="button"
          role="tab"
          aria-selected={kind === chosen}
          aria-controls="catalog-panel"
          tabIndex={kind === chosen ? 0 : -1}
          onClick={() => goTo('/catalog', { kind: kind.path })}
        >
          {kind.title}
        </button>
      ))}
    </div>
  )
}

function Kinds({ kind, name }: { readonly kind: Kind; readonly name: string | undefined }) {
  const { can } = useSession()
  const path = can(kind.scope) ? addressOf(`/v1/${kind.path}`, { limit: '100' }) : undefined
  const { items, error, loading, stale, more, loadingMore, reload } = usePages<Item>(path, kind.member, 5_000)
  const opened = items.find((item) => nameOf(item) === name)
  return (
    <div class="stack">
      <Stale error={stale ? error : undefined} retry={reload} />
      <Card title={kind.title} aside={<span>{kind.about}</span>} flush>
        {loading && <Loading what={kind.title} />}
        {error !== undefined && !stale && <Fault error={error} retry={reload} />}
        {!loading && error === undefined && items.length === 0 && (
          <Blank icon="book" title={`No ${kind.title.toLowerCase()} yet`}>
            {kind.blank}
          </Blank>
        )}
        {items.length > 0 && (
          <>
            <DataTable
              caption={`${kind.title}, one a row`}
              columns={kind.columns}
              rows={items}
              keyOf={nameOf}
              onOpen={(item) => change({ name: nameOf(item) }, 'push')}
            />
            <LoadMore
              count={items.length}
              what={kind.title.toLowerCase()}
              more={more}
              loading={loadingMore}
            />
          </>
        )}
      </Card>
      <Sheet
        title={opened === undefined ? kind.title : nameOf(opened)}
        open={opened !== undefined}
        onClose={() => change({ name: undefined })}
      >
        {opened !== undefined && (
          <>
            <Json label={`${nameOf(opened)} as JSON`} value={opened} />
            <div class="form-actions">
              <CopyButton text={JSON.stringify(opened, null, 2)} what="Copy as JSON" />
            </div>
          </>
        )}
      </Sheet>
    </div>
  )
}

function nameOf(item: Item): string {
  return String(item.name ?? item.id)
}
