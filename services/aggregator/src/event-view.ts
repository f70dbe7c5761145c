import type { AttributeValue, Event } from '@millrace/proto'

/** Fields of an event that are bytes or text. Per field two numbers are kept: where it starts and where it ends. */
export const eventField = {
  tenant: 0,
  source: 2,
  id: 4,
  type: 6,
  subject: 8,
  dataContentType: 10,
  dataSchema: 12,
  data: 14,
  traceparent: 16,
  application: 18,
  /** The whole event. */
  all: 20,
} as const

export type EventField = (typeof eventField)[keyof typeof eventField]

/** Numbers that each event takes in `bounds`. */
export const boundsPerEvent = 22

const noExtensions: { [key: string]: AttributeValue } = {}

/** An event as it lies in a message's bytes. A field becomes text only when somebody asks for it. */
export class EventView implements Event {
  readonly bytes: Buffer
  readonly #bounds: Int32Array
  /** Of the event's first number in `bounds`. */
  readonly #base: number
  occurredAtUs = 0
  receivedAtUs = 0
  backfill = false
  extensions: { [key: string]: AttributeValue } = noExtensions

  constructor(bytes: Buffer, bounds: Int32Array, base: number) {
    this.bytes = bytes
    this.#bounds = bounds
    this.#base = base
  }

  start(field: EventField): number {
    return this.#bounds[this.#base + field] ?? 0
  }

  end(field: EventField): number {
    return this.#bounds[this.#base + field + 1] ?? 0
  }

  get tenant(): string {
    return tenants.read(this, eventField.tenant)
  }

  get source(): string {
    return sources.read(this, eventField.source)
  }

  get id(): string {
    return readText(this, eventField.id)
  }

  get hasId(): boolean {
    return this.end(eventField.id) > this.start(eventField.id)
  }

  get type(): string {
    return types.read(this, eventField.type)
  }

  get subject(): string {
    return readText(this, eventField.subject)
  }

  get dataContentType(): string {
    return contentTypes.read(this, eventField.dataContentType)
  }

  get dataSchema(): string {
    return readText(this, eventField.dataSchema)
  }

  get hasExtensions(): boolean {
    return this.extensions !== noExtensions
  }

  get data(): Buffer {
    return this.bytes.subarray(this.start(eventField.data), this.end(eventField.data))
  }

  /** What `data.toString()` is, without making a view of the bytes first. */
  get dataText(): string {
    return readText(this, eventField.data)
  }

  get traceparent(): string {
    return readText(this, eventField.traceparent)
  }

  get application(): string {
    return applications.read(this, eventField.application)
  }
}

function readText(view: EventView, field: EventField): string {
  const start = view.start(field)
  const end = view.end(field)
  return start === end ? '' : view.bytes.toString('utf8', start, end)
}

/** The last text of a field that rarely changes: comparing a few bytes is cheaper than making a string of them. */
class LastText {
  #bytes: Buffer = Buffer.alloc(0)
  #text = ''

  read(view: EventView, field: EventField): string {
    const start = view.start(field)
    const length = view.end(field) - start
    if (length !== this.#bytes.length || !this.#isSame(view.bytes, start)) {
      this.#bytes = Buffer.from(view.bytes.subarray(start, start + length))
      this.#text = this.#bytes.toString()
    }
    return this.#text
  }

  #isSame(bytes: Buffer, start: number): boolean {
    const last = this.#bytes
    for (let at = 0; at < last.length; at += 1) if (bytes[start + at] !== last[at]) return false
    return true
  }
}

const tenants = new LastText()
const sources = new LastText()
const types = new LastText()
const contentTypes = new LastText()
const applications = new LastText()
