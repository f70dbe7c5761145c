import { isPortFree } from './free-ports.ts'
import type { PortUse } from './port-plan.ts'

/** Null when every port can be had; otherwise what to tell the person. */
export async function describeTakenPorts(uses: PortUse[]): Promise<string | null> {
  const taken: string[] = []
  for (const { port, process, purpose } of uses) {
    if (!(await isPortFree(port)))
      taken.push(`port ${port} of 127.0.0.1 is taken, and ${process} needs it (${purpose})`)
  }
  if (taken.length === 0) return null
  return [...taken, 'Stop what listens there, or shift every port: make up PORT_OFFSET=1000'].join('\n')
}
