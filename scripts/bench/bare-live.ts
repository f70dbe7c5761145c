// The least that a live view can cost: the same bytes to every reader, several times a second, and nothing else.
//   bare-live.ts BYTES INTERVAL_MS     prints its port
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const [bytes = '1000', intervalMs = '250'] = process.argv.slice(2)
const readers = new Set<ServerResponse>()
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  readers.add(response)
  response.once('close', () => readers.delete(response))
}).listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
setInterval(() => {
  const head = `data: {"generatedAt":"${new Date().toISOString()}","rest":"`
  const event = Buffer.from(`${head}${'x'.repeat(Math.max(0, Number(bytes) - head.length - 4))}"}\n\n`)
  for (const reader of readers) reader.write(event)
}, Number(intervalMs))
