// A ClickHouse server in this process, out of libchdb: node clickhouse-server.ts CONFIGURATION HTTP_PORT
// SIGTERM ends it in order; it never detaches anything.
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { arrayConstructor, DataType, isNullPointer, type JsExternal, load, open } from 'ffi-rs'

const [configuration, httpPort] = process.argv.slice(2)
if (configuration === undefined || httpPort === undefined) throw new Error('usage: CONFIGURATION HTTP_PORT')

// The engine serves for as long as its command line has a query to run, hence one without end.
const ENDLESS_QUERY = `SELECT sleepEachRow(1) FROM system.numbers FORMAT Null
  SETTINGS function_sleep_max_microseconds_per_block = 0, max_block_size = 1, log_comment = 'local-stack-keep-alive'`

const IDLE_CONNECTIONS_GRACE_MS = 2_000

const commandLine = [
  'clickhouse',
  `--config-file=${configuration}`,
  '--multiquery',
  // Killing the endless query is the way to stop, and no failure.
  '--ignore-error',
  '--query',
  `SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; ${ENDLESS_QUERY}`,
]

let stopping = false
process.on('SIGTERM', () => {
  stopping = true
  void stopServer()
})
// Keeps the event loop alive, which a call in another thread does not.
setInterval(() => {}, 60_000)

open({ library: 'chdb', path: enginePath() })
const result = await load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, arrayConstructor({ type: DataType.StringArray, length: commandLine.length })],
  paramsValue: [commandLine.length, commandLine],
  // In a thread of its own, so that this one can handle signals.
  runInNewThread: true,
})
// Whatever it says was meant for us when we asked it to stop, and is a failure when we did not.
const complaint = stopping ? null : readError(result)
if (complaint !== null) process.stderr.write(`${complaint}\n`)
process.exit(stopping ? 0 : 1)

function readError(queryResult: JsExternal): string | null {
  const call = {
    library: 'chdb',
    funcName: 'chdb_result_error',
    paramsType: [DataType.External],
    paramsValue: [queryResult],
  }
  if (isNullPointer(load({ ...call, retType: DataType.External }))) return null
  return load({ ...call, retType: DataType.String })
}

async function stopServer(): Promise<void> {
  const query = `KILL QUERY WHERE query LIKE '%local-stack-keep-alive%' AND query_id != queryID() ASYNC`
  // Without keep-alive: at its end the engine waits for open connections, then exits forcefully.
  const headers = { connection: 'close' }
  const response = await fetch(`http://127.0.0.1:${httpPort}/`, { method: 'POST', body: query, headers })
  if (!response.ok) throw new Error(`cannot stop: ${await response.text()}`)
  // By itself the engine waits five seconds for idle connections and then exits forcefully, which loses nothing.
  setTimeout(() => process.exit(0), IDLE_CONNECTIONS_GRACE_MS)
}

/** chdb brings the engine as one package per platform. */
function enginePath(): string {
  const platform = `${process.platform}-${process.arch}${process.platform === 'linux' ? '-gnu' : ''}`
  const chdbRequire = createRequire(createRequire(import.meta.url).resolve('chdb/package.json'))
  const folder = dirname(chdbRequire.resolve(`@chdb/lib-${platform}/package.json`))
  const library = readdirSync(folder).find((name) => /^libchdb\.(so|dylib)$/.test(name))
  if (library === undefined) throw new Error(`no libchdb in ${folder}`)
  return join(folder, library)
}
