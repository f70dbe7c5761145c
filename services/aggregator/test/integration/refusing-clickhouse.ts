import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** Errors as ClickHouse tells them. */
export const refusals = {
  252: 'Too many parts (3000 with average size of 1.00 KiB) in table. Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)',
  241: '(total) memory limit exceeded: would use 4.00 GiB. (MEMORY_LIMIT_EXCEEDED)',
  243: 'Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)',
  164: 'Cannot execute query in readonly mode. (READONLY)',
} as const

export interface RefusingClickhouse {
  readonly url: string
  /** Codes that inserts into `events` are answered with, one after the other; then they are let through. */
  refuse(codes: readonly number[]): void
  left(): number
}

/**
 * Stands between the aggregator and ClickHouse. Every other refused insert is carried out all the same: an error says
 * nothing of what is in the table.
 */
export async function startRefusingClickhouse(t: Test, target: string): Promise<RefusingClickhouse> {
  let codes: number[] = []
  let refused = 0
  const pass = (incoming: IncomingMessage) =>
    incoming.pipe(
      request(new URL(incoming.url ?? '/', target), { method: incoming.method, headers: incoming.headers }),
    )
  const server = createServer((incoming, outgoing) => {
    const query = new URL(incoming.url ?? '/', target).searchParams.get('query') ?? ''
    const code = query.startsWith('INSERT INTO events ') ? codes.shift() : undefined
    if (code === undefined) {
      pass(incoming).on('response', (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
      })
      return
    }
    refused += 1
    const refuse = (): void => {
      outgoing.writeHead(500, { 'x-clickhouse-exception-code': String(code) })
      outgoing.end(
        `Code: ${code}. DB::Exception: ${refusals[code as keyof typeof refusals]} (version 26.7.2.1)\n`,
      )
    }
    if (refused % 2 === 0) {
      pass(incoming).on('response', (answer) => {
        answer.resume()
        answer.on('end', refuse)
      })
    } else incoming.resume().on('end', refuse)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refuse(these) {
      codes = [...these]
    },
    left: () => codes.length,
  }
}
