// An installed release, through kubectl and helm as an operator has them.
import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const chart = new URL('../../charts/millrace', import.meta.url).pathname

export interface Ran {
  readonly ok: boolean
  readonly output: string
}

async function run(command: string, parameters: readonly string[]): Promise<Ran> {
  try {
    const { stdout, stderr } = await execute(command, parameters, { maxBuffer: 64 * 1024 * 1024 })
    return { ok: true, output: stdout + stderr }
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout?: string; stderr?: string }
    return { ok: false, output: `${stdout ?? ''}${stderr ?? ''}` || message }
  }
}

export type Release = ReturnType<typeof createRelease>

export function createRelease({ name, namespace }: { name: string; namespace: string }) {
  const selector = `app.kubernetes.io/instance=${name}`
  const tryKubectl = (...parameters: string[]) => run('kubectl', ['--namespace', namespace, ...parameters])
  const kubectl = async (...parameters: string[]): Promise<string> => {
    const { ok, output } = await tryKubectl(...parameters)
    if (!ok) throw new Error(`kubectl ${parameters.join(' ')}: ${output}`)
    return output
  }
  const names = async (what: string, of: string): Promise<string[]> => {
    const listed = await kubectl('get', what, '--selector', of, '--output', 'name')
    return listed.split('\n').filter((line) => line !== '')
  }
  const podsOf = (component: string) => names('pods', `${selector},app.kubernetes.io/component=${component}`)
  const killed = new Set<string>()
  /** By their own word: a controller's status may still be that from before a pod was killed. */
  const hasItsPods = async (controller: string): Promise<boolean> => {
    const wanted = 'jsonpath={.spec.replicas} {.metadata.labels.app\\.kubernetes\\.io/component}'
    const [replicas, component] = (await kubectl('get', controller, '--output', wanted)).trim().split(' ')
    const uidAndReady = 'UID:.metadata.uid,READY:.status.conditions[?(@.type=="Ready")].status'
    const of = `${selector},app.kubernetes.io/component=${component}`
    const pods = (await kubectl('get', 'pods', '--selector', of, ...columns(uidAndReady))).split('\n')
    const ready = pods
      .map((pod) => pod.split(/ +/))
      .filter(([uid = '', is]) => is === 'True' && !killed.has(uid))
    return ready.length >= Number(replicas)
  }
  const upgrade = (...parameters: string[]) =>
    run('helm', ['upgrade', name, chart, '--namespace', namespace, '--reuse-values', ...parameters])
  /** Until every pod is what its controller wants, and ready. */
  const settled = async (timeoutSeconds = 600): Promise<void> => {
    for (const controller of await names('deployments,statefulsets', selector)) {
      await until(`${controller} has its pods`, () => hasItsPods(controller), timeoutSeconds)
      await kubectl('rollout', 'status', controller, `--timeout=${timeoutSeconds}s`)
    }
  }
  return {
    tryKubectl,
    kubectl,
    podsOf,
    /** Of all pods that run, those that are told to stop included; sorted. */
    async imagesOfPods(): Promise<string[]> {
      const running = ['--selector', selector, '--field-selector', 'status.phase=Running']
      const images = await kubectl('get', 'pods', ...running, ...columns('IMAGE:.spec.containers[0].image'))
      return images
        .split('\n')
        .map((image) => image.trim())
        .filter((image) => image !== '')
        .toSorted()
    },
    upgrade,
    settled,
    until,
    /** Without the notice that a process gets: as if its machine had lost its power. */
    async kill(pods: readonly string[]): Promise<void> {
      const uids = await kubectl('get', ...pods, ...columns('UID:.metadata.uid'))
      for (const uid of uids.split('\n')) killed.add(uid.trim())
      await kubectl('delete', ...pods, '--grace-period=0', '--force', '--wait=false')
    },
    /** An upgrade that is taken back once `look` has seen enough of it, or has failed. */
    async upgradeAndBack(parameters: readonly string[], look: () => Promise<void>): Promise<void> {
      const { ok, output } = await upgrade(...parameters)
      if (!ok) throw new Error(output)
      const faults: string[] = []
      const note = (error: Error): unknown => faults.push(error.message)
      await look().catch(note)
      const back = await run('helm', ['rollback', name, '--namespace', namespace])
      if (!back.ok) faults.push(`helm rollback: ${back.output}`)
      await settled().catch(note)
      if (faults.length > 0) throw new Error(faults.join('; '))
    },
  }
}

const columns = (what: string): string[] => ['--no-headers', '--output', `custom-columns=${what}`]

/** Until `holds`, which is asked every half second. */
async function until(what: string, holds: () => Promise<boolean>, timeoutSeconds = 300): Promise<void> {
  const deadline = Date.now() + timeoutSeconds * 1_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutSeconds} s`)
    await delay(500)
  }
}
