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
    await release.upgradeAndBack(['--set', `podAnnotations.turn=at-${Date.now()}`], async () => {
      const first = await newPod(release, 'ingest', before)
      await release.until('the first new pod is ready', () => readyOf(release, first))
    })
    return 'back once the first new pod of ingest was ready'
  },
}

const wrongValues: Misfortune = {
  name: 'wrong-values',
  async happen(release) {
    const refused = await release.upgrade('--set', 'ingest.replicas=many')
    if (refused.ok) throw new Error('the schema let ingest.replicas=many through')
    const before = await release.podsOf('ingest')
    let log = ''
    await release.upgradeAndBack(['--set-string', 'ingest.env.INGEST_MAX_EVENTS=many'], async () => {
      const pod = await newPod(release, 'ingest', before)
      await release.until('the new pod says what is wrong', async () => {
        log = (await release.tryKubectl('logs', pod)).output
        return log.includes('INGEST_MAX_EVENTS')
      })
      if (await readyOf(release, pod)) throw new Error('a pod with a wrong value became ready')
    })
    return `the pod said: ${log.trim().split('\n').join(' | ').slice(0, 300)}`
  },
}

const secretMissing: Misfortune = {
  name: 'secret-missing',
  async happen(release) {
    const before = await release.podsOf('ingest')
    const reason = 'jsonpath={.status.containerStatuses[0].state.waiting.message}'
    let message = ''
    await release.upgradeAndBack(['--set', 'secretsKey.existingSecret=nowhere'], async () => {
      const pod = await newPod(release, 'ingest', before)
      await release.until('the new pod names the missing Secret', async () => {
        message = await release.kubectl('get', pod, '--output', reason)
        return message.includes('nowhere')
      })
    })
    return `Kubernetes said: ${message.trim()}`
  },
}

const fullForMs = 15_000

const noSpace = 'No space left on device'

/** Writes a file until nothing more fits, which has to be for want of room, and leaves it there. */
async function fill(release: Release, pod: string, path: string): Promise<void> {
  const { ok, output } = await release.tryKubectl(
    'exec',
    pod,
    '--',
    'dd',
    'if=/dev/zero',
    `of=${path}`,
    'bs=1M',
  )
  if (ok || !output.includes(noSpace)) throw new Error(`the disk of ${pod} is not full: ${output.trim()}`)
}

/** A server that cannot write may end itself, again and again: whenever it is there, the file goes. */
async function makeRoom(release: Release, pod: string, path: string): Promise<void> {
  await release.until('there is room again', async () => {
    const { ok } = await release.tryKubectl('exec', pod, '--', 'rm', '-f', path)
    return ok
  })
  await release.settled()
}

const clickhouseFull: Misfortune = {
  name: 'clickhouse-full',
  async happen(release) {
    const [pod = ''] = await release.podsOf('clickhouse')
    const filler = '/var/lib/clickhouse/filler'
    try {
      await fill(release, pod, filler)
      await delay(fullForMs)
    } finally {
      await makeRoom(release, pod, filler)
    }
    return noSpace
  },
}

const brokerFull: Misfortune = {
  name: 'broker-full',
  async happen(release) {
    const [pod = ''] = await release.podsOf('kafka')
    const filler = '/var/lib/kafka/data/filler'
    try {
      await fill(release, pod, filler)
      await delay(fullForMs)
    } finally {
      await makeRoom(release, pod, filler)
    }
    return noSpace
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
