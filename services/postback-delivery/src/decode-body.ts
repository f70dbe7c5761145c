import { createGunzip, createInflate, type Gunzip, type Inflate } from 'node:zlib'

type Decoder = Gunzip | Inflate

// Not br and zstd: theirs take windows of megabytes, as large as the sender likes.
const decoders: Readonly<Record<string, (chunkSize: number) => Decoder>> = {
  gzip: (chunkSize) => createGunzip({ chunkSize }),
  'x-gzip': (chunkSize) => createGunzip({ chunkSize }),
  deflate: (chunkSize) => createInflate({ chunkSize }),
}

const minChunkBytes = 64
/** Who comes when so many wait keeps what it has: that many compressed answers at once are an attack. */
const maxWaiting = 64
let waiting = 0
let turn: Promise<unknown> = Promise.resolve()

/**
 * Decodes the beginning of a body whose sender compresses it although it was asked not to. However much it would
 * become: no more than `maxBytes` are made of it, and of one body at a time.
 * @param part may end anywhere
 * @returns the part as it is when it cannot be decoded
 */
export async function decodeBody(
  part: Buffer,
  contentEncoding: string,
  maxBytes: number,
): Promise<{ readonly body: Buffer; readonly truncated: boolean }> {
  const decoder = decoders[contentEncoding.trim().toLowerCase()]
  if (decoder === undefined || maxBytes === 0 || waiting >= maxWaiting)
    return { body: part, truncated: false }
  waiting += 1
  const decoding = turn.then(() => readSome(decoder(Math.max(minChunkBytes, maxBytes)), part, maxBytes))
  turn = decoding
  try {
    return await decoding
  } finally {
    waiting -= 1
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
    decoder.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > maxBytes) decoder.destroy()
    })
    // A part that ends early is an error behind all that could be decoded.
    decoder.on('error', () => decoder.destroy())
    // Only now its memory is given back.
    decoder.on('close', () => {
      const body = bytes === 0 ? part : Buffer.concat(chunks).subarray(0, maxBytes)
      resolve({ body, truncated: bytes > maxBytes })
    })
    decoder.end(part)
  })
}
