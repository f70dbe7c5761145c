// Asks at an even pace, whatever the answers do, in a process that does nothing else:
//   paced-gets.ts FILE URL PER_SECOND SECONDS
// FILE holds GetLoad as JSON. Prints one line of JSON: PacedTimes, counted from the moment at which each request was due.
import { readFileSync } from 'node:fs'
import { openGetClient } from './get-client.ts'
import { runPacedCalls } from './open-loop.ts'

export interface GetLoad {
  /** As they are written to the connection. */
  readonly requests: readonly string[]
  /** Which of them comes next; from the beginning again after the last. */
  readonly places: readonly number[]
}

if (import.meta.main) {
  const [file = '', url = '', perSecond = '1000', seconds = '4'] = process.argv.slice(2)
  const { requests, places } = JSON.parse(readFileSync(file, 'utf8')) as GetLoad
  const buffers = requests.map((text) => Buffer.from(text))
  const client = await openGetClient(new URL(url), 64, (error) => {
    throw error
  })
  const run = (duration: number) =>
    runPacedCalls({ perSecond: Number(perSecond), seconds: duration }, (index, answered) =>
      client.get(buffers[places[index % places.length] ?? 0] as Buffer, answered),
    )
  // Its own code has to become fast first.
  await run(1)
  console.log(JSON.stringify(await run(Number(seconds))))
  client.close()
}
