import { setTimeout as sleep } from 'node:timers/promises'
import { describeExit, type GuardedProcess, type ProcessCommand, startGuarded } from './guarded-process.ts'
import { describeLogEnd, logSize } from './log-end.ts'
import { createRestartBackoff, type RestartBackoff } from './restart-backoff.ts'
import { waitUntil } from './wait-until.ts'

const PROBE_WHILE_STARTING_MS = 100
const PROBE_WHILE_READY_MS = 1_000

export type ProcessSpec = ProcessCommand & {
  name: string
  /** Where it listens, for people. */
  address: string
  /** Runs before every start. */
  prepare?: () => Promise<void>
  /** One probe of a live process. */
  isReady: () => Promise<boolean>
  readyTimeoutMs: number
  /** From SIGTERM to SIGKILL. */
  stopTimeoutMs: number
}

/**
 * `starting` until its first yes to the probe, then `ready` or (a later no) `not-ready`; `restarting` while it
 * waits for its next try; `given-up` after a row of crashes.
 */
export type ProcessState =
  | 'stopped'
  | 'starting'
  | 'ready'
  | 'not-ready'
  | 'restarting'
  | 'stopping'
  | 'given-up'

export type ProcessStatus = {
  name: string
  address: string
  state: ProcessState
  pid: number | null
  groupId: number | null
  /** Milliseconds since the epoch at which the present pid started. */
  startedAt: number | null
  restarts: number
  lastExit: string | null
  logFile: string
}

export type ManagedProcessOptions = {
  /** Whether a process that dies by itself is started again. */
  restart: boolean
  createBackoff?: () => RestartBackoff
  /** In place of the process' own. */
  readyTimeoutMs?: number
  onChange?: (status: ProcessStatus) => void
}

export type ManagedProcess = {
  readonly name: string
  readonly logFile: string
  status: () => ProcessStatus
  /** Resolves once it is ready; rejects when it exits before, or is not ready in time. */
  start: () => Promise<void>
  /** Resolves once it is ready, or ready again. */
  untilReady: (timeoutMs?: number) => Promise<void>
  /** SIGTERM, and SIGKILL at the deadline: the process' own one if none is given. */
  stop: (timeoutMs?: number) => Promise<void>
  /** SIGKILL, as a crash would: with `restart` it comes back by itself. Resolves when the process is gone. */
  kill: () => Promise<void>
  /** For tests that pause a process: SIGSTOP, SIGCONT. */
  signal: (signal: NodeJS.Signals) => void
}

export function createManagedProcess(spec: ProcessSpec, options: ManagedProcessOptions): ManagedProcess {
  return new SupervisedProcess(spec, options)
}

class SupervisedProcess implements ManagedProcess {
  readonly name: string
  readonly logFile: string
  readonly #spec: ProcessSpec
  readonly #options: ManagedProcessOptions
  #state: ProcessState = 'stopped'
  #process: GuardedProcess | null = null
  #startedAt: number | null = null
  #readyAt: number | null = null
  #restarts = 0
  #lastExit: string | null = null
  #backoff: RestartBackoff
  /** Settles when no start is under way. */
  #launching: Promise<void> = Promise.resolve()
  /** Aborted by stop: ends the probes and the pause before a restart. */
  #stopping = new AbortController()

  constructor(spec: ProcessSpec, options: ManagedProcessOptions) {
    this.#spec = spec
    this.#options = options
    this.#backoff = this.#createBackoff()
    this.name = spec.name
    this.logFile = spec.logFile
  }

  status(): ProcessStatus {
    return {
      name: this.name,
      address: this.#spec.address,
      state: this.#state,
      pid: this.#process?.pid ?? null,
      groupId: this.#process?.groupId ?? null,
      startedAt: this.#startedAt,
      restarts: this.#restarts,
      lastExit: this.#lastExit,
      logFile: this.logFile,
    }
  }

  async start(): Promise<void> {
    if (this.#state !== 'stopped' && this.#state !== 'given-up')
      throw new Error(`${this.name} is already running`)
    this.#backoff = this.#createBackoff()
    this.#stopping = new AbortController()
    const { signal } = this.#stopping
    const earlierRuns = logSize(this.logFile)
    try {
      await this.#launch(signal, false)
      await this.untilReady()
    } catch (error) {
      await this.stop()
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`${reason}\n${describeLogEnd(this.logFile, earlierRuns)}`, { cause: error })
    }
  }

  async untilReady(timeoutMs = this.#options.readyTimeoutMs ?? this.#spec.readyTimeoutMs): Promise<void> {
    const isReady = () => {
      if (this.#state === 'stopped' || this.#state === 'given-up') {
        throw new Error(`${this.name} ended before it was ready (${this.#lastExit ?? 'stopped'})`)
      }
      return this.#state === 'ready'
    }
    await waitUntil(isReady, { timeoutMs, everyMs: 20, what: `${this.name} ready` })
  }

  async stop(timeoutMs = this.#spec.stopTimeoutMs): Promise<void> {
    this.#stopping.abort()
    await this.#launching
    const running = this.#process
    if (running) {
      this.#change('stopping')
      running.signal('SIGTERM')
      // A paused process could not handle its SIGTERM.
      running.signal('SIGCONT')
      const deadline = setTimeout(() => running.signal('SIGKILL'), timeoutMs)
      await running.exited
      clearTimeout(deadline)
    }
    if (this.#state !== 'stopped') this.#change('stopped')
  }

  async kill(): Promise<void> {
    const running = this.#process
    if (!running) throw new Error(`${this.name} is not running`)
    running.signal('SIGKILL')
    await running.exited
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#process) throw new Error(`${this.name} is not running`)
    this.#process.signal(signal)
  }

  async #launch(stopping: AbortSignal, mayRestart: boolean): Promise<void> {
    const launched = Promise.withResolvers<void>()
    this.#launching = launched.promise
    this.#readyAt = null
    this.#change('starting')
    try {
      await this.#spec.prepare?.()
      if (stopping.aborted) return
      const running = await startGuarded(this.#spec)
      this.#process = running
      this.#startedAt = Date.now()
      this.#change('starting')
      void running.exited.then((exit) => this.#onExit(describeExit(exit), stopping, mayRestart))
      void this.#probe(running, stopping)
    } finally {
      launched.resolve()
    }
  }

  /** For one process' whole life. */
  async #probe(running: GuardedProcess, stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted && this.#process === running) {
      const ready = await this.#spec.isReady()
      if (stopping.aborted || this.#process !== running) return
      if (ready) this.#readyAt ??= Date.now()
      const state = ready ? 'ready' : this.#readyAt === null ? 'starting' : 'not-ready'
      if (state !== this.#state) this.#change(state)
      const pauseMs = ready ? PROBE_WHILE_READY_MS : PROBE_WHILE_STARTING_MS
      await sleep(pauseMs, undefined, { signal: stopping }).catch(() => {})
    }
  }

  /** A first start that fails is for its caller to judge; only what has been ready once is started again. */
  #onExit(exit: string, stopping: AbortSignal, mayRestart: boolean): void {
    const readyForMs = this.#readyAt === null ? 0 : Date.now() - this.#readyAt
    const wasReady = this.#readyAt !== null
    this.#process = null
    this.#startedAt = null
    this.#lastExit = exit
    if (stopping.aborted) return
    if (!this.#options.restart || !(wasReady || mayRestart)) {
      this.#change('stopped')
      return
    }
    const delayMs = this.#backoff.delayAfterExit(readyForMs)
    if (delayMs === null) this.#change('given-up')
    else void this.#restartAfter(delayMs, stopping)
  }

  async #restartAfter(delayMs: number, stopping: AbortSignal): Promise<void> {
    this.#change('restarting')
    await sleep(delayMs, undefined, { signal: stopping }).catch(() => {})
    if (stopping.aborted) return
    this.#restarts += 1
    try {
      await this.#launch(stopping, true)
    } catch (error) {
      this.#onExit(error instanceof Error ? error.message : String(error), stopping, true)
    }
  }

  #createBackoff(): RestartBackoff {
    return (this.#options.createBackoff ?? createRestartBackoff)()
  }

  #change(state: ProcessState): void {
    this.#state = state
    this.#options.onChange?.(this.status())
  }
}
