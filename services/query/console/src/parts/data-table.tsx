import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => ComponentChildren
  /** number: right-aligned; wide-only: not on a phone; clip: cut off with dots. */
  readonly kind?: string
}

interface DataTableProps<Row> {
  /** Says what it is to who cannot see it. */
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  /** Rows lead somewhere: the first column becomes a button. */
  readonly onOpen?: (row: Row) => void
}

export function DataTable<Row>({ caption, columns, rows, keyOf, onOpen }: DataTableProps<Row>) {
  const id = useId()
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys
    <section class="table-frame" tabIndex={0} aria-labelledby={id}>
      <table>
        <caption id={id} class="visually-hidden">
          {caption}
        </caption>
        <thead>
          <tr>
            {columns.map(({ title, kind }) => (
              <th key={title} scope="col" class={kind}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} class={onOpen === undefined ? undefined : 'opens'}>
              {columns.map(({ title, cell, kind }, index) => (
                <td key={title} class={kind}>
                  {index === 0 && onOpen !== undefined ? (
                    <button type="button" class="row-link" onClick={() => onOpen(row)}>
                      {cell(row)}
                    </button>
                  ) : (
                    cell(row)
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
