import { flushLogs, type Logger } from './log.ts'

/**
 * Calls of the Kafka client's that work on a thread of Node's pool, and those of them that have outlived their deadline.
 * Nothing ends a hung one: it keeps one of the four threads until it returns by itself. Its client must not be closed
 * before: that frees memory which it uses.
 */
export interface HungCalls {
  begin(call: Promise<unknown>): void
  /** A call that has begun has not returned by its deadline. */
  hang(call: Promise<unknown>, logger: Logger): void
  /** All that have begun and not returned. */
  underWay(): number
}

/** A process with so many has one thread left for all else, and cannot help itself. A crash loses nothing. */
const fatalCount = 3

/** @param end ends the process */
export function createHungCalls(end: () => void): HungCalls {
  const underWay = new Set<Promise<unknown>>()
  const hung = new Set<Promise<unknown>>()
  return {
    begin(call) {
      underWay.add(call)
      const returned = (): void => {
        underWay.delete(call)
        hung.delete(call)
      }
      call.then(returned, returned)
    },
    hang(call, logger) {
      hung.add(call)
      if (hung.size < fatalCount) return
      logger.fatal({ hungCalls: hung.size }, 'too many calls of the kafka client hang, the process ends')
      end()
    },
    underWay: () => underWay.size,
  }
}

/** Those of the process: it has one pool of threads, whoever uses it. */
export const hungCalls: HungCalls = createHungCalls(() => endProcess(1))

/** Node's exit waits for the pool's threads, so that a call that hangs would keep the process from ending. */
export function endProcess(code: number, { underWay }: Pick<HungCalls, 'underWay'> = hungCalls): void {
  if (underWay() === 0) process.exit(code)
  flushLogs()
  process.kill(process.pid, 'SIGKILL')
  // The kernel spares process 1 of a container what it sends itself. Another program in its place ends all its threads.
  process.execve?.(process.execPath, [process.execPath, '--eval', `process.exit(${code})`], {})
}
