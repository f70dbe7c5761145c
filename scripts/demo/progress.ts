import type { WriteStream } from 'node:tty'

/** Steps as lines, and a share of the present one: rewritten in place on a terminal, every tenth as a line elsewhere. */
export function createProgress(output: Pick<WriteStream, 'isTTY' | 'write'>) {
  let open = false
  let lastTenth = 0
  const end = (): void => {
    if (open) output.write('\n')
    open = false
  }
  return {
    step(text: string): void {
      end()
      lastTenth = 0
      output.write(`- ${text}\n`)
    },
    /** @param share from 0 to 1 */
    part(share: number, text: string): void {
      const tenth = Math.floor(share * 10)
      if (output.isTTY) {
        output.write(`\r  ${'#'.repeat(tenth * 2).padEnd(20, '.')} ${text}\u001b[K`)
        open = true
      } else if (tenth > lastTenth) {
        lastTenth = tenth
        output.write(`  ${text}\n`)
      }
    },
    end,
  }
}
