import { STACK_PARTS, type StackPart } from './stack.ts'

export type StackSettings = { brokers: number; portOffset: number; parts: readonly StackPart[] }

/** BROKERS, PORT_OFFSET and ONLY. Throws with one line per fault. */
export function readStackSettings(environment: NodeJS.ProcessEnv): StackSettings {
  const faults: string[] = []
  const brokers = Number(environment.BROKERS || 1)
  if (brokers !== 1 && brokers !== 3) faults.push(`BROKERS=${environment.BROKERS}: 1 or 3`)
  const portOffset = Number(environment.PORT_OFFSET || 0)
  if (!Number.isInteger(portOffset)) faults.push(`PORT_OFFSET=${environment.PORT_OFFSET}: a whole number`)
  const only = environment.ONLY ? environment.ONLY.split(',') : STACK_PARTS
  const unknown = only.filter((part) => !STACK_PARTS.some((known) => known === part))
  if (unknown.length > 0) faults.push(`ONLY=${environment.ONLY}: a list of ${STACK_PARTS.join(', ')}`)
  if (faults.length > 0) throw new Error(faults.join('\n'))
  return { brokers, portOffset, parts: STACK_PARTS.filter((part) => only.includes(part)) }
}
