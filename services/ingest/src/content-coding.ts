import type { Transform } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'
import { ServiceError } from '@millrace/service-kit/errors'

/** Undoes one coding. `bytesWritten` is what it has used of its input: less than it got when something follows the end. */
export type Decoder = Transform & { readonly bytesWritten: number }

const decoders: Readonly<Record<string, () => Decoder>> = {
  gzip: () => createGunzip(),
  // An old name of gzip. Source: RFC 9110, section 8.4.1.3.
  'x-gzip': () => createGunzip(),
  br: () => createBrotliDecompress(),
  // A window of 8 MiB at most, else a body of a few bytes could ask for gigabytes. Source: RFC 9659, section 3.
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } }),
}

export const understoodCodings = 'gzip, br, zstd'

/** Nobody needs more; each one costs memory and work. */
const maxCodings = 2

/**
 * The codings of a body, in the order in which they are to be undone.
 * @throws {ServiceError} `unsupported-media-type`
 */
export function readCodings(contentEncoding: string | undefined): readonly string[] {
  if (contentEncoding === undefined || contentEncoding === '') return []
  const codings = contentEncoding
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity')
  const unknown = codings.find((coding) => !Object.hasOwn(decoders, coding))
  if (unknown !== undefined) {
    throw new ServiceError(
      'unsupported-media-type',
      `The content-encoding ${JSON.stringify(unknown.slice(0, 64))} is not understood: send ${understoodCodings}, or none.`,
    )
  }
  if (codings.length > maxCodings) {
    throw new ServiceError(
      'unsupported-media-type',
      `A body is encoded at most ${maxCodings} times; this one’s content-encoding names ${codings.length} codings.`,
    )
  }
  return codings.reverse()
}

/** How often what comes out is in memory: a window of br or zstd fills up with it as well; that of gzip is small. */
export function copiesHeld(codings: readonly string[]): number {
  return 1 + codings.filter((coding) => coding === 'br' || coding === 'zstd').length
}

export function createDecoder(coding: string): Decoder {
  const create = decoders[coding]
  if (create === undefined) throw new Error(`there is no decoder for ${coding}`)
  return create()
}
