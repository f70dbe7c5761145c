import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'

const channel = 'fastify.initialization'

/**
 * The routes of the apps that are made meanwhile, as "GET /v1/events/:id", sorted. Whatever an app serves is in it,
 * also what its description hides. HEAD goes with GET.
 */
export async function collectRoutes(make: () => Promise<unknown>): Promise<readonly string[]> {
  const routes = new Set<string>()
  const listen = (message: unknown): void => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) if (one !== 'HEAD') routes.add(`${one} ${url}`)
    })
  }
  subscribe(channel, listen)
  try {
    await make()
  } finally {
    unsubscribe(channel, listen)
  }
  return [...routes].sort()
}
