import { RetryableError, withRetries } from './retry.ts'

/** Where a mesh listens and with which key. */
export interface MeshAddress {
  /** e.g. http://127.0.0.1:8080 */
  readonly ingestUrl: string
  /** host:port */
  readonly ingestGrpc: string
  readonly queryUrl: string
  readonly key: string
}

export interface CloudEventJson {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject?: string
  /** RFC 3339 */
  readonly time: string
  readonly data: unknown
}

export interface ReportRow {
  readonly windowStart: string
  readonly windowEnd: string
  readonly group: Readonly<Record<string, string>>
  readonly value: number
}

export interface Report {
  readonly dataThrough: string
  readonly rows: readonly ReportRow[]
  readonly nextCursor?: string
}

export interface StoredPostback {
  readonly status: string
  readonly deliveries: readonly {
    readonly id: string
    readonly status: string
    readonly attempts: readonly unknown[]
  }[]
}

export interface MeshHttp {
  put(path: string, body: unknown): Promise<void>
  /** The batch is sent again with the same ids until it is accepted. */
  publish(events: readonly CloudEventJson[]): Promise<void>
  settle(id: string, source: string, body: unknown): Promise<void>
  retract(id: string, source: string): Promise<void>
  requestPostbacks(body: unknown): Promise<{ id: string; deliveries: { id: string }[] }>
  /** All pages of a report. */
  report(meter: string, parameters: Readonly<Record<string, string>>): Promise<Report>
  postback(id: string): Promise<StoredPostback>
}

/** A patient HTTP client: refused connections, 429 and 503 are tried again, anything else is thrown. */
export function createMeshHttp(address: MeshAddress, patienceMs = 60_000): MeshHttp {
  const command = (method: string, path: string, body: unknown, type = 'application/json') =>
    call(`${address.ingestUrl}${path}`, method, address.key, patienceMs, JSON.stringify(body), type)
  const read = (path: string) => call(`${address.queryUrl}${path}`, 'GET', address.key, patienceMs)
  return {
    put: async (path, body) => {
      await command('PUT', path, body)
    },
    publish: async (events) => {
      await command('POST', '/v1/events', events, 'application/cloudevents-batch+json')
    },
    settle: async (id, source, body) => {
      await command('POST', `/v1/events/${id}/settlement?${new URLSearchParams({ source })}`, body)
    },
    retract: async (id, source) => {
      await call(
        `${address.ingestUrl}/v1/events/${id}?${new URLSearchParams({ source })}`,
        'DELETE',
        address.key,
        patienceMs,
      )
    },
    requestPostbacks: async (body) =>
      (await command('POST', '/v1/postbacks', body)) as { id: string; deliveries: { id: string }[] },
    report: async (meter, parameters) => {
      const rows: ReportRow[] = []
      let cursor: string | undefined
      for (;;) {
        const query = new URLSearchParams({ ...parameters, ...(cursor !== undefined && { cursor }) })
        const page = (await read(`/v1/reports/${meter}?${query}`)) as Report
        rows.push(...page.rows)
        cursor = page.nextCursor
        if (cursor === undefined || parameters.limit !== undefined) return { ...page, rows }
      }
    },
    postback: async (id) => (await read(`/v1/postbacks/${id}`)) as StoredPostback,
  }
}

function call(
  url: string,
  method: string,
  key: string,
  patienceMs: number,
  body?: string,
  type?: string,
): Promise<unknown> {
  return withRetries(async () => {
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(type !== undefined && { 'content-type': type }) },
      signal: AbortSignal.timeout(20_000),
      ...(body !== undefined && { body }),
    }).catch((cause: unknown) => {
      throw new RetryableError(`${method} ${url} got no answer: ${reasonOf(cause)}`, 0, cause)
    })
    const text = await response.text().catch((cause: unknown) => {
      throw new RetryableError(`the answer of ${method} ${url} was cut off: ${reasonOf(cause)}`, 0, cause)
    })
    if (response.ok) return text === '' ? undefined : (JSON.parse(text) as unknown)
    const message = `${method} ${url} answered ${response.status}: ${text.slice(0, 500)}`
    if (response.status !== 429 && response.status !== 503) throw new Error(message)
    throw new RetryableError(message, Number(response.headers.get('retry-after') ?? 0) * 1_000)
  }, patienceMs)
}

/** fetch says "fetch failed"; what failed stands in the cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message
}
