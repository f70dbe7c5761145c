import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file of the console in the encodings that it was built in. */
export interface ConsoleFile {
  /** Below the built folder. */
  readonly name: string
  readonly type: string
  readonly plain: Buffer
  readonly brotli: Buffer | undefined
  readonly gzip: Buffer | undefined
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
}

/** What Vite has built, by `make setup`; empty where it was not. */
export function readConsoleFiles(
  folder: string = join(import.meta.dirname, '../console/dist'),
): ConsoleFile[] {
  const names = listFiles(folder)
  const read = (name: string): Buffer | undefined =>
    names.has(name) ? readFileSync(join(folder, name)) : undefined
  return [...names].flatMap((name) => {
    const type = types[name.slice(name.lastIndexOf('.') + 1)]
    if (type === undefined) return []
    const plain = readFileSync(join(folder, name))
    return [{ name, type, plain, brotli: read(`${name}.br`), gzip: read(`${name}.gz`) }]
  })
}

function listFiles(folder: string): ReadonlySet<string> {
  try {
    return new Set(
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((it) => it.replaceAll('\\', '/')),
    )
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Set()
    throw error
  }
}
