/** Options of scripts that send to a mesh. */
export const meshOptions = {
  ingest: { type: 'string', default: 'http://127.0.0.1:8080' },
  query: { type: 'string', default: 'http://127.0.0.1:8081' },
  /** Address of this machine that postback-delivery may call. */
  receiver: { type: 'string', default: '127.0.0.1' },
} as const

/** Options of scripts that change a release on Kubernetes. */
export const releaseOptions = {
  namespace: { type: 'string', default: 'mesh' },
  release: { type: 'string', default: 'mesh' },
} as const

/** @throws {Error} when MILLRACE_ROOT_KEY is not set */
export function readRootKey(): string {
  const key = process.env.MILLRACE_ROOT_KEY
  if (!key) throw new Error('MILLRACE_ROOT_KEY is not set: the key to send with')
  return key
}
