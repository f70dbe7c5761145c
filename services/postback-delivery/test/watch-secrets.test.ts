import { createCatalogStore } from '@millrace/catalog/catalog-store'
import { createLogger } from '@millrace/service-kit/log'
import { createMetrics } from '@millrace/service-kit/metrics'
import { createReadiness } from '@millrace/service-kit/readiness'
import t from 'tap'
import { watchSecrets } from '../src/watch-secrets.ts'

t.test(
  'an endpoint whose secret cannot be opened is told of until it is rotated, disabled or deleted',
  async (t) => {
    const catalog = createCatalogStore()
    const readiness = createReadiness([])
    const registry = createMetrics('test')
    let version = 0
    const put = (name: string, sealed: string | undefined, enabled = true): void => {
      version += 1
      const json = JSON.stringify({ url: 'https://a.test/', enabled, secrets: [{ sealed, createdAt: '' }] })
      const rest = { deleted: sealed === undefined, json, writtenAtUs: 0, writtenBy: '' }
      catalog.apply({ tenant: 'acme', kind: 'endpoint', name, version, ...rest })
    }
    const shown = async () => /unopenable_endpoints(?:\{.*\})? (\d+)/.exec(await registry.metrics())?.[1]
    put('a', 'lost')
    const box = {
      keyOf: (sealed: string) => (sealed === 'lost' ? 'unknown' : 'current') as 'unknown' | 'current',
    }
    const logger = createLogger('test', 'silent')
    watchSecrets({ catalog, box, readiness, registry, logger })
    t.match(readiness.missing(), { signing: /1 endpoints \(acme\/a\).*MILLRACE_SECRETS_KEY/ })
    t.equal(await shown(), '1')
    put('b', 'lost')
    put('c', 'lost')
    t.match(readiness.missing(), { signing: /3 endpoints/ })
    put('a', 'rotated')
    put('b', 'lost', false)
    t.match(readiness.missing(), { signing: /1 endpoints \(acme\/c\)/ })
    put('c', undefined)
    t.same(readiness.missing(), {})
    t.equal(await shown(), '0')
  },
)
