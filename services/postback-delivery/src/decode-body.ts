import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'

type Decoder = ReturnType<typeof createGunzip>

const decoders: Readonly<Record<string, (chunkSize: number) => Decoder>> = {
  gzip: (chunkSize) => createGunzip({ chunkSize }),
  'x-gzip': (chunkSize) => createGunzip({ chunkSize }),
  deflate: (chunkSize) => createInflate({ chunkSize }),
  br: (chunkSize) => createBrotliDecompress({ chunkSize }) as unknown as Decoder,
  zstd: (chunkSize) => createZstdDecompress({ chunkSize }) as unknown as Decoder,
}

const minChunkBytes = 64
/** Each holds its window in memory. */
const atOnce = 4
let running = 0
const waiting: (() => void)[] = []

/**
 * Decodes the beginning of a body whose sender compresses it although it was asked not to. However much it would
 * become: no more than `maxBytes` are made of it.
 * @param part may end anywhere
 * @returns the part as it is when it cannot be decoded
 */
export async function decodeBody(
  part: Buffer,
  contentEncoding: string,
  maxBytes: number,
): Promise<{ readonly body: Buffer; readonly truncated: boolean }> {
  const decoder = decoders[contentEncoding.trim().toLowerCase()]
  if (decoder === undefined || maxBytes === 0) return { body: part, truncated: false }
  if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
  else running += 1
  try {
    return await readSome(decoder(Math.max(minChunkBytes, maxBytes)), part, maxBytes)
  } finally {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
}

function readSome(
  decoder: Decoder,
  part: Buffer,
  maxBytes: number,
): Promise<{ body: Buffer; truncated: boolean }> {
  const chunks: Buffer[] = []
  let bytes = 0
  return new Promise((resolve) => {
    const end = (): void => {
      decoder.destroy()
      const body = bytes === 0 ? part : Buffer.concat(chunks).subarray(0, maxBytes)
      resolve({ body, truncated: bytes > maxBytes })
    }
    decoder.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > maxBytes) end()
    })
    // A part that ends early is an error behind all that could be decoded.
    decoder.on('end', end).on('error', end)
    decoder.end(part)
  })
}
