import { z } from 'zod'

/** One value that a deployment can set. */
export interface Setting<Type> {
  /** Name of the environment variable. */
  readonly env: string
  readonly schema: z.ZodType<Type>
  /** For people; includes the unit. */
  readonly help: string
  /** Never printed. */
  readonly secret: boolean
  /** Environment variable without which this one makes no sense. */
  readonly needs?: string
}

// biome-ignore lint/suspicious/noExplicitAny: any setting, whatever its type
export type Settings = Record<string, Setting<any>>

export type ConfigOf<Group extends Settings> = {
  readonly [Name in keyof Group]: Group[Name] extends Setting<infer Type> ? Type : never
}

/** Describes a setting; `schema` reads the environment's text and gives the default. */
export function setting<Type>(env: string, schema: z.ZodType<Type>, help: string): Setting<Type> {
  return { env, schema, help, secret: false }
}

/** A setting whose value is never printed. */
export function secretSetting<Type>(env: string, schema: z.ZodType<Type>, help: string): Setting<Type> {
  return { env, schema, help, secret: true }
}

/** All faults of an environment at once, one line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(`configuration is faulty:\n${faults.map((fault) => `  ${fault}`).join('\n')}`)
    this.faults = faults
  }
}

/**
 * Reads settings from an environment. An empty variable counts as absent.
 * @throws {ConfigError} naming every fault
 */
export function readConfig<Group extends Settings>(group: Group, env: NodeJS.ProcessEnv): ConfigOf<Group> {
  const faults: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, { env: variable, schema, help, secret, needs }] of Object.entries(group)) {
    const given = env[variable] === '' ? undefined : env[variable]
    if (given !== undefined && needs !== undefined && !env[needs]) {
      faults.push(`${variable} is given without ${needs} (${help})`)
    }
    const result = schema.safeParse(given)
    if (result.success) {
      values[name] = result.data
      continue
    }
    const shown =
      given === undefined ? 'is missing' : secret ? 'is not usable' : `is ${JSON.stringify(given)}`
    const reasons = result.error.issues.map((issue) => issue.message).join('; ')
    faults.push(`${variable} ${shown}: ${reasons} (${help})`)
  }
  if (faults.length > 0) throw new ConfigError(faults)
  return values as ConfigOf<Group>
}

export const port = (fallback: number): z.ZodType<number> =>
  z.coerce.number().int().min(0).max(65_535).default(fallback)

export const count = (fallback: number, minimum = 1, maximum = Number.MAX_SAFE_INTEGER): z.ZodType<number> =>
  z.coerce.number().int().min(minimum).max(maximum).default(fallback)

export const text = (fallback: string): z.ZodType<string> => z.string().default(fallback)

/** `true` or `false`; off when not given. */
export const onOff = z
  .enum(['true', 'false'])
  .default('false')
  .transform((value) => value === 'true') as unknown as z.ZodType<boolean>

/** Comma-separated; blanks around the parts are dropped. */
export const list = (fallback: string): z.ZodType<string[]> =>
  z
    .string()
    .default(fallback)
    .transform((value) =>
      value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    ) as unknown as z.ZodType<string[]>
