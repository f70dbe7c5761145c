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
  return {
    tryKubectl,
    kubectl,
    podsOf,
    /** Without the notice that a process gets: as if its machine had lost its power. */
    kill: (pods: readonly string[]) =>
      kubectl('delete', ...pods, '--grace-period=0', '--force', '--wait=false'),
    upgrade: (...parameters: string[]) =>
      run('helm', ['upgrade', name, chart, '--namespace', namespace, '--reuse-values', ...parameters]),
    async rollback(): Promise<void> {
      const { ok, output } = await run('helm', ['rollback', name, '--namespace', namespace])
      if (!ok) throw new Error(`helm rollback: ${output}`)
    },
    /** Until every pod is what its controller wants, and ready. */
    async settled(timeoutSeconds = 600): Promise<void> {
      for (const controller of await names('deployments,statefulsets', selector)) {
        await kubectl('rollout', 'status', controller, `--timeout=${timeoutSeconds}s`)
      }
    },
    /** Until `holds`, which is asked every half second. */
    async until(what: string, holds: () => Promise<boolean>, timeoutSeconds = 300): Promise<void> {
      const deadline = Date.now() + timeoutSeconds * 1_000
      while (!(await holds())) {
        if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutSeconds} s`)
        await delay(500)
      }
    },
  }
}
