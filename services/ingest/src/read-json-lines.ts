import { isUtf8 } from 'node:buffer'
import type { Event } from '@millrace/proto'
import { BodyPieces } from './body-pieces.ts'
import { createFaultList, type FaultList } from './fault-list.ts'
import type { Reception } from './read-event.ts'
import { readJsonEvent } from './read-json-event.ts'
import { tooMany } from './read-json-events.ts'
import { skipBlanks } from './scan-json.ts'

/** Events of newline-delimited JSON, read as it comes. */
export interface JsonLines {
  /**
   * Reads the lines that end in this piece of the body. The piece is kept, since data is passed on as it was sent.
   * @throws {ServiceError} `too-large` for more than the allowed events
   */
  take(piece: Buffer): void
  /** @throws {ServiceError} `invalid-request` with the faults of all lines */
  end(): Event[]
}

const newline = 0x0a

/** Holds the events and the line that is not complete yet; after a fault only what else is wrong. */
export function createJsonLines(reception: Reception, maxEvents: number): JsonLines {
  const faults = createFaultList()
  const events: Event[] = []
  const begun = new BodyPieces()
  let lines = 0
  let index = 0
  const read = (line: Buffer): void => {
    lines += 1
    const start = skipBlanks(line, 0)
    if (start === line.length) return
    if (index === maxEvents) throw tooMany(maxEvents)
    const event = readLine(line, start, `Line ${lines}`, index, reception, faults)
    index += 1
    if (faults.isEmpty() && event !== undefined) events.push(event)
    // Nothing will be accepted any more.
    else events.length = 0
  }
  const complete = (last: Buffer): Buffer => {
    if (begun.bytes === 0) return last
    begun.add(last)
    return begun.take()
  }
  return {
    take(piece) {
      let start = 0
      for (;;) {
        const end = piece.indexOf(newline, start)
        if (end === -1) break
        read(complete(piece.subarray(start, end)))
        start = end + 1
      }
      if (start < piece.length) begun.add(piece.subarray(start))
    },
    end() {
      if (begun.bytes > 0) read(complete(Buffer.alloc(0)))
      faults.refuse()
      return events
    },
  }
}

function readLine(
  line: Buffer,
  start: number,
  name: string,
  index: number,
  reception: Reception,
  faults: FaultList,
): Event | undefined {
  if (!isUtf8(line)) {
    faults.add(index, '', `${name} is not UTF-8`)
    return undefined
  }
  let value: unknown
  try {
    value = JSON.parse(line.toString())
  } catch (error) {
    faults.add(index, '', `${name} is not valid JSON: ${(error as Error).message}`)
    return undefined
  }
  return readJsonEvent(line, value, start, reception, faults.reportOf(index)).event
}
