import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the range that systems hand to outgoing connections, so that a port stays free for the process it is
 * meant for, also while that one is being restarted.
 */
const FIRST_PORT = 12_000
const LAST_PORT = 32_000

/** Ports of 127.0.0.1 on which nobody listens, chosen at random so that test processes side by side rarely meet. */
export async function findFreePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(FIRST_PORT, LAST_PORT)
    if (!ports.has(port) && (await isPortFree(port))) ports.add(port)
  }
  return [...ports]
}

export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true })
    await once(server, 'listening')
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES'))
      return false
    throw error
  }
  server.close()
  await once(server, 'close')
  return true
}
