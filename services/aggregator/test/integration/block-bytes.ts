import type { RowBlock } from '../../src/row-writer.ts'

export function blockBytes({ rows }: Pick<RowBlock, 'rows'>): Buffer {
  return Buffer.isBuffer(rows) ? rows : Buffer.concat(rows)
}
