import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { protoDirectory } from '@millrace/proto/proto-files'

export interface DocumentedRpc {
  readonly service: string
  /** As the clients call it. */
  readonly name: string
  /** Names of gRPC statuses. */
  readonly statuses: readonly string[]
}

/** The calls of the public services, with the statuses that the comments above them list. */
export function documentedRpcs(): DocumentedRpc[] {
  return ['ingest', 'query', 'delivery'].flatMap((file) => {
    const text = readFileSync(join(protoDirectory, `millrace/v1/${file}.proto`), 'utf8')
    const [, service = '', body = ''] = /^service (\w+) \{([\s\S]*?)^\}/m.exec(text) ?? []
    return [...body.matchAll(/((?: {2}\/\/.*\n)*) {2}rpc (\w+)/g)].map(([, comment = '', name = '']) => ({
      service,
      name: name.charAt(0).toLowerCase() + name.slice(1),
      statuses: (/Statuses[^:]*: ([A-Z_, ]+)\./.exec(comment)?.[1] ?? '')
        .split(', ')
        .filter((it) => it !== ''),
    }))
  })
}
