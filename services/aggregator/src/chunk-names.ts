/** Names travel in the URL of a question, of which ClickHouse reads 128 KiB a parameter, and escaping may double them. */
const maxBytes = 48 * 1024

/**
 * Splits what is asked for by name, so that each question stays small enough to be asked.
 * @param namesOf all texts that travel for one of them
 */
export function chunkNames<Named>(
  all: readonly Named[],
  namesOf: (one: Named) => readonly string[],
): readonly (readonly Named[])[] {
  const chunks: Named[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const one of all) {
    const size = namesOf(one).reduce((sum, name) => sum + Buffer.byteLength(name), 0)
    if (bytes + size > maxBytes) {
      chunks.push([])
      bytes = 0
    }
    chunks.at(-1)?.push(one)
    bytes += size
  }
  return chunks
}
