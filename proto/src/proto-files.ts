import { fileURLToPath } from 'node:url'

/** Folder that the .proto files' import paths start from; server reflection reads them from there. */
export const protoDirectory: string = fileURLToPath(new URL('..', import.meta.url))

/** Import paths of all .proto files with services. */
export const serviceProtoFiles: readonly string[] = [
  'millrace/v1/ingest.proto',
  'millrace/v1/query.proto',
  'millrace/v1/delivery.proto',
  'millrace/v1/aggregation.proto',
]
