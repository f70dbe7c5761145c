import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { describeTakenPorts } from '../../local-stack/check-ports.ts'
import { findFreePorts, isPortFree } from '../../local-stack/free-ports.ts'

t.test('free ports are distinct, and below those of outgoing connections', async (t) => {
  const ports = await findFreePorts(20)
  t.equal(new Set(ports).size, 20)
  t.ok(ports.every((port) => port >= 12_000 && port < 32_000))
})

t.test(
  'a taken port is told with the process that needs it and what to do; once free, nothing is told',
  async (t) => {
    const [port = 0] = await findFreePorts(1)
    const use = { port, process: 'ingest', purpose: 'http' }
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    t.notOk(await isPortFree(port))
    const told = await describeTakenPorts([use])
    t.match(told, `port ${port} of 127.0.0.1 is taken, and ingest needs it (http)`)
    t.match(told, 'make up PORT_OFFSET=1000')
    server.close()
    await once(server, 'close')
    t.equal(await describeTakenPorts([use]), null)
  },
)
