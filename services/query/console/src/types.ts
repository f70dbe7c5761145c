// What the HTTP API answers, as far as the console reads it.

export interface SessionInfo {
  readonly tenant: string
  readonly application: string
  readonly scopes: readonly string[]
  readonly constraints?: { readonly eventTypes?: readonly string[]; readonly subjects?: readonly string[] }
  readonly expiresAt: string
  /** Whether the console can hand commands over to ingest. */
  readonly takesCommands: boolean
}

export interface Resource {
  readonly name: string
  readonly version: number
  readonly updatedAt: string
  readonly updatedBy: string
  readonly description?: string
}

export interface Meter extends Resource {
  readonly eventTypes: readonly string[]
  readonly aggregation: string
  readonly value?: string
  readonly groupBy?: Readonly<Record<string, string>>
  readonly filter?: unknown
}

export interface EventType extends Resource {
  readonly schema?: object
  readonly validation?: string
  readonly maxAge?: string
  readonly retention?: string
  readonly rates?: readonly { effectiveFrom: string; amountMinor: number; currency: string }[]
}

export interface Endpoint extends Resource {
  readonly url: string
  readonly method?: string
  readonly eventTypes?: readonly string[]
  readonly enabled?: boolean
  readonly disabled?: { readonly at: string; readonly reason: string }
}

export interface Key extends Omit<Resource, 'name'> {
  readonly id: string
  readonly application: string
  readonly scopes: readonly string[]
  readonly constraints?: object
  readonly rateLimit?: { readonly perSecond: number }
  readonly expiresAt: string | null
  readonly lastUsedAt?: string | null
}

/** Of which members a replay tells depends on what is replayed. */
export interface Replay extends Omit<Resource, 'name'> {
  readonly id: string
  readonly what: 'events' | 'deliveries'
  readonly filter: Readonly<Record<string, unknown>>
  readonly ratePerSecond: number
  readonly status: string
  readonly requestedAt: string
  readonly selected?: number
  readonly processed?: number
  readonly stillInvalid?: number
}

export interface StoredEvent {
  readonly event: Readonly<Record<string, unknown>> & {
    readonly id: string
    readonly source: string
    readonly type: string
    readonly time: string
    readonly subject?: string
    readonly data?: unknown
    readonly data_base64?: string
  }
  readonly status: 'processed' | 'invalid'
  readonly reason?: string
  readonly pointer?: string
  readonly receivedAt: string
  readonly storedAt: string
  readonly application: string
  readonly schemaVersion: number
  readonly settlement?: { readonly reference: string; readonly settledAt: string; readonly by: string }
  readonly retraction?: { readonly retractedAt: string; readonly by: string; readonly erased: boolean }
}

export interface Attempt {
  readonly number: number
  readonly outcome: string
  readonly method: string
  readonly url: string
  readonly startedAt: string
  readonly durationMs: number
  readonly responseCode?: number
  readonly responseBody?: string
  readonly responseBodyTruncated?: boolean
  readonly errorCode?: string
  readonly errorDetail?: string
  readonly nextAttemptAt?: string
}

/** What became of a delivery without a request. */
export interface Transition {
  readonly to: 'held' | 'dead' | 'redriven'
  readonly at: string
  readonly reason?: string
  readonly replay?: string
}

export interface Delivery {
  readonly id: string
  readonly postbackId?: string
  readonly endpoint?: string
  readonly status: string
  readonly acceptedAt: string
  readonly attempts: readonly Attempt[]
  readonly transitions?: readonly Transition[]
  readonly event?: { readonly source: string; readonly id: string; readonly type: string }
}

export interface Postback {
  readonly id: string
  readonly status: string
  readonly counts: Readonly<Record<string, number>>
  readonly deliveries: readonly Delivery[]
}

export interface ReportRow {
  readonly windowStart: string
  readonly windowEnd: string
  readonly group: Readonly<Record<string, string>>
  /** As text, with all its digits. */
  readonly value: string | null
}

export interface Report {
  readonly meter: string
  readonly window: string
  readonly from: string
  readonly to: string
  readonly timezone: string
  readonly generatedAt: string
  readonly dataThrough: string
  readonly backfill?: { readonly done: false; readonly progress: number }
  readonly rows: readonly ReportRow[]
  readonly nextCursor?: string
}

export interface LiveGroup {
  readonly group: Readonly<Record<string, string>>
  readonly value: number | null
}

export interface LiveMessage {
  readonly meter: string
  readonly aggregation: string
  readonly asOf: string
  readonly reset: boolean
  readonly sources: number
  readonly dimensions: readonly string[]
  readonly seconds: readonly { readonly second: string; readonly value: number | null }[]
  readonly totals: { readonly value: number | null; readonly perSecond: number }
  readonly top: readonly LiveGroup[]
}
