import { Gauge, type Registry } from '@millrace/service-kit/metrics'
import type { CatalogStore } from './catalog-store.ts'

/**
 * Tells of endpoints, keys and replays that cannot be used as what they should be, for as long as they stand so.
 * @param service as it stands in names of metrics
 * @param store undefined until the catalog was read to its end
 */
export function watchUnusable(
  registry: Registry,
  service: string,
  store: () => Pick<CatalogStore, 'unusable'> | undefined,
): void {
  new Gauge({
    name: `millrace_${service}_catalog_unusable_resources`,
    help: 'endpoints, keys and replays that cannot be used as they stand in the catalog; the log names them',
    registers: [registry],
    collect() {
      this.set(store()?.unusable() ?? 0)
    },
  })
}
