import { setTimeout as delay } from 'node:timers/promises'
import type { Release } from './release.ts'

/** Happens to a release under load; returns once all is well again. Throws where something is not as it has to be. */
export interface Misfortune {
  readonly name: string
  happen(release: Release): Promise<string | undefined>
}

const services = ['ingest', 'aggregator', 'postback-delivery', 'query']
const killings = 12
const betweenKillingsMs = 4_000

const podsKilled: Misfortune = {
  name: 'pods-killed',
  async happen(release) {
    const killed: string[] = []
    for (let killing = 0; killing < killings; killing += 1) {
      const pods = (await Promise.all(services.map(release.podsOf))).flat()
      const pod = pods[Math.floor(Math.random() * pods.length)]
      if (pod === undefined) throw new Error('there are no pods')
      await release.kill([pod])
      killed.push(pod.replace(/^pod\//, ''))
      await delay(betweenKillingsMs)
    }
    await release.settled()
    return `killed ${killed.join(', ')}`
  },
}

const nodeDrained: Misfortune = {
  name: 'node-drained',
  async happen(release) {
    const [pod = ''] = await release.podsOf('ingest')
    const node = (await release.kubectl('get', pod, '--output', 'jsonpath={.spec.nodeName}')).trim()
    try {
      await release.kubectl(
        ...['drain', node, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=600s'],
      )
      await release.settled()
    } finally {
      await release.kubectl('uncordon', node)
    }
    return `drained ${node}`
  },
}

const brokersRestarted: Misfortune = {
  name: 'brokers-restarted',
  async happen(release) {
    const brokers = await release.podsOf('kafka')
    for (const broker of brokers) {
      await release.kill([broker])
      await release.settled()
    }
    return `${brokers.length} brokers, one after another`
  },
}

const allBrokersKilled: Misfortune = {
  name: 'all-brokers-killed',
  async happen(release) {
    await release.kill(await release.podsOf('kafka'))
    await release.settled()
    return undefined
  },
}

const clickhouseKilled: Misfortune = {
  name: 'clickhouse-killed',
  async happen(release) {
    await release.kill(await release.podsOf('clickhouse'))
    await release.settled()
    return undefined
  },
}

const readyOf = async (release: Release, pod: string): Promise<boolean> =>
  (
    await release.kubectl('get', pod, '--output', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')
  ).trim() === 'True'

/** New pods beside the old ones, once there are any. */
async function newPod(release: Release, component: string, before: readonly string[]): Promise<string> {
  let found: string | undefined
  await release.until(`a new pod of ${component}`, async () => {
    found = (await release.podsOf(component)).find((pod) => !before.includes(pod))
    return found !== undefined
  })
  return found ?? ''
}

const halfWayBack: Misfortune = {
  name: 'rolled-back-half-way',
  async happen(release) {
    const before = await release.podsOf('ingest')
    const { ok, output } = await release.upgrade('--set', `podAnnotations.turn=at-${Date.now()}`)
    if (!ok) throw new Error(output)
    const first = await newPod(release, 'ingest', before)
    await release.until('the first new pod is ready', () => readyOf(release, first))
    await release.rollback()
    await release.settled()
    return 'back once the first new pod of ingest was ready'
  },
}

const wrongValues: Misfortune = {
  name: 'wrong-values',
  async happen(release) {
    const refused = await release.upgrade('--set', 'ingest.replicas=many')
    if (refused.ok) throw new Error('the schema let ingest.replicas=many through')
    const before = await release.podsOf('ingest')
    const { ok, output } = await release.upgrade('--set-string', 'ingest.env.INGEST_MAX_EVENTS=many')
    if (!ok) throw new Error(output)
    const pod = await newPod(release, 'ingest', before)
    let log = ''
    await release.until('the new pod says what is wrong', async () => {
      log = (await release.tryKubectl('logs', pod)).output
      return log.includes('INGEST_MAX_EVENTS')
    })
    if (await readyOf(release, pod)) throw new Error('a pod with a wrong value became ready')
    await release.rollback()
    await release.settled()
    return `the pod said: ${log.trim().split('\n').join(' | ').slice(0, 300)}`
  },
}

const secretMissing: Misfortune = {
  name: 'secret-missing',
  async happen(release) {
    const before = await release.podsOf('ingest')
    const { ok, output } = await release.upgrade('--set', 'secretsKey.existingSecret=nowhere')
    if (!ok) throw new Error(output)
    const pod = await newPod(release, 'ingest', before)
    const reason = 'jsonpath={.status.containerStatuses[0].state.waiting.message}'
    let message = ''
    await release.until('the new pod names the missing Secret', async () => {
      message = await release.kubectl('get', pod, '--output', reason)
      return message.includes('nowhere')
    })
    await release.rollback()
    await release.settled()
    return `Kubernetes said: ${message.trim()}`
  },
}

const fullForMs = 15_000

/** Until nothing more fits; the file stays where it is. */
const fill = (path: string): string => `dd if=/dev/zero of=${path} bs=1M 2>&1 || true; ls -l ${path}`

const clickhouseFull: Misfortune = {
  name: 'clickhouse-full',
  async happen(release) {
    const [pod = ''] = await release.podsOf('clickhouse')
    const filler = '/var/lib/clickhouse/filler'
    const filled = await release.kubectl('exec', pod, '--', 'sh', '-c', fill(filler))
    await delay(fullForMs)
    await release.kubectl('exec', pod, '--', 'rm', filler)
    await release.settled()
    return filled.match(/No space left on device/)?.[0] ?? 'the disk took everything: give it a small one'
  },
}

const brokerFull: Misfortune = {
  name: 'broker-full',
  async happen(release) {
    const [pod = ''] = await release.podsOf('kafka')
    const filler = '/var/lib/kafka/data/filler'
    const filled = await release.kubectl('exec', pod, '--', 'sh', '-c', fill(filler))
    await delay(fullForMs)
    // A broker that cannot write ends itself, again and again: whenever it is there, the file goes.
    await release.until('there is room again', async () => {
      const { ok } = await release.tryKubectl('exec', pod, '--', 'rm', '-f', filler)
      return ok
    })
    await release.settled()
    return filled.match(/No space left on device/)?.[0] ?? 'the disk took everything: give it a small one'
  },
}

export const misfortunes: readonly Misfortune[] = [
  podsKilled,
  nodeDrained,
  brokersRestarted,
  allBrokersKilled,
  clickhouseKilled,
  halfWayBack,
  wrongValues,
  secretMissing,
  clickhouseFull,
  brokerFull,
]
