import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createMeshHttp, type MeshAddress } from '../client/mesh-http.ts'
import { visit } from './scene.ts'

const pages = ['/', '/', '/', '/pricing', '/pricing', '/docs', '/blog', '/cart']

/** Visits that go on, with ups and downs; returns what ends them. */
export function startTrickle(address: MeshAddress, perSecond: number): () => Promise<void> {
  const http = createMeshHttp(address)
  let stopped = false
  const everyMs = 100
  const run = async () => {
    for (let turn = 0; !stopped; turn += 1) {
      const wave = 1 + 0.5 * Math.sin(turn / 25) + 0.3 * Math.sin(turn / 7)
      const count = Math.round((perSecond / (1_000 / everyMs)) * wave)
      const one = (index: number) =>
        visit(randomUUID(), Date.now(), { path: pages[(turn * 3 + index * 5) % pages.length] })
      await http.publish(Array.from({ length: count }, (_, index) => one(index)))
      await delay(everyMs)
    }
  }
  const running = run()
  return async () => {
    stopped = true
    await running
  }
}
