import {
  type MediaType,
  type OpenApiDocument,
  type Operation,
  operationsOf,
  type Parameter,
} from '@millrace/service-kit/docs/openapi-document'

export interface DocumentedDoor {
  /** Variable of the collection that holds the door's address. */
  readonly variable: string
  /** By default, the local stack's. */
  readonly address: string
  readonly document: OpenApiDocument
}

interface PlacedOperation {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

const schema = 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json'

/** What answers give that later requests need: variables of the collection by the pointer to their value. */
const captures: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  issueKey: { keyId: 'id' },
  startReplay: { replayId: 'id' },
  sendPostback: { postbackId: 'id', deliveryId: 'deliveries[0].id' },
}
const captured: Readonly<Record<string, string>> = {
  revokeKey: 'keyId',
  getKey: 'keyId',
  getReplay: 'replayId',
  getPostback: 'postbackId',
  getDelivery: 'deliveryId',
}

/**
 * A Postman collection (v2.1): a folder for each door, in it one for each tag, in that a request for each call and each
 * example of its body. What deletes comes in a folder of its own, the last: so the whole collection can be run in its
 * order.
 */
export function toPostmanCollection(doors: readonly DocumentedDoor[]): object {
  return {
    info: {
      name: 'Millrace',
      description:
        'Set the variable key to a key (for the local stack: what `make status` prints). Made from the OpenAPI documents.',
      schema,
    },
    auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{key}}', type: 'string' }] },
    variable: [
      ...doors.map(({ variable, address }) => ({ key: variable, value: address })),
      { key: 'key', value: '' },
    ],
    event: [
      toScript(["pm.test('is answered as wished', () => pm.expect(pm.response.code).to.be.below(400))"]),
    ],
    item: [
      ...doors.map((door) => ({
        name: door.document.info.title,
        description: door.document.info.description ?? '',
        item: toFolders(door),
      })),
      {
        name: 'Deleting',
        item: doors.flatMap((door) =>
          operationsIn(door, deletes).flatMap((it) => toRequests(it, door.variable)),
        ),
      },
    ],
  }
}

const deletes = ({ method }: PlacedOperation): boolean => method === 'delete'

/** Without streams: a runner waits for the end of their answers. */
function operationsIn(
  { document }: DocumentedDoor,
  chosen: (placed: PlacedOperation) => boolean,
): PlacedOperation[] {
  const isStream = ({ operation }: PlacedOperation): boolean =>
    operation.responses['200']?.content?.['text/event-stream'] !== undefined
  return operationsOf(document).filter((placed) => chosen(placed) && !isStream(placed))
}

function toScript(lines: readonly string[]): object {
  return { listen: 'test', script: { type: 'text/javascript', exec: lines } }
}

function toFolders(door: DocumentedDoor): object[] {
  const { variable } = door
  const all = operationsIn(door, (placed) => !deletes(placed))
  const tags = [...new Set(all.map(({ operation }) => operation.tags?.[0] ?? 'other'))]
  return tags.map((tag) => ({
    name: tag,
    item: all
      .filter(({ operation }) => (operation.tags?.[0] ?? 'other') === tag)
      .flatMap((placed) => toRequests(placed, variable)),
  }))
}

function toRequests(placed: PlacedOperation, variable: string): object[] {
  const { operation } = placed
  const bodies = Object.entries(operation.requestBody?.content ?? {}).flatMap(([type, media]) =>
    examplesOf(media).map((example) => ({ type, ...example })),
  )
  if (bodies.length === 0) return [toRequest(placed, variable, undefined)]
  return bodies.map((body) => toRequest(placed, variable, body))
}

interface ExampleBody {
  readonly type: string
  /** Of the example; what is put has it as its own name. */
  readonly name: string
  readonly title: string
  readonly value: unknown
}

function examplesOf({ example, examples }: MediaType): Omit<ExampleBody, 'type'>[] {
  const named = Object.entries(examples ?? {}).map(([name, { summary, value }]) => ({
    name,
    title: summary ?? name,
    value,
  }))
  return example === undefined ? named : [{ name: '', title: '', value: example }, ...named]
}

/** What stands for the parameter of the path, unless it is the document's example. */
function nameOf({ method, operation }: PlacedOperation, body: ExampleBody | undefined): string | undefined {
  const id = captured[operation.operationId ?? '']
  if (id !== undefined) return `{{${id}}}`
  return method === 'put' ? body?.name : undefined
}

function toRequest(placed: PlacedOperation, variable: string, body: ExampleBody | undefined): object {
  const { method, path, operation } = placed
  const parameters = operation.parameters ?? []
  const title = body === undefined || body.title === '' ? '' : `: ${body.title}`
  const taken = Object.entries(captures[operation.operationId ?? ''] ?? {}).map(
    ([name, place]) => `pm.collectionVariables.set('${name}', pm.response.json().${place})`,
  )
  return {
    name: `${operation.summary ?? path}${title}`,
    ...(taken.length > 0 && { event: [toScript(taken)] }),
    request: {
      method: method.toUpperCase(),
      ...(operation.security?.length === 0 && { auth: { type: 'noauth' } }),
      description: operation.description ?? '',
      header: [
        ...(body === undefined ? [] : [{ key: 'content-type', value: body.type }]),
        ...parameters.filter(isHeader).map(toHeader),
      ],
      ...(body !== undefined && { body: toBody(body) }),
      url: toUrl(path, parameters, variable, nameOf(placed, body)),
    },
    response: [],
  }
}

function isHeader({ in: place }: Parameter): boolean {
  return place === 'header'
}

/** Headers and parameters that are not needed are there to be switched on. */
function toHeader({ name, description = '', required = false, example = '' }: Parameter): object {
  return { key: name, value: String(example), description, ...(!required && { disabled: true }) }
}

function toBody({ type, value }: ExampleBody): object {
  const raw = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  return { mode: 'raw', raw, ...(/json$/.test(type) && { options: { raw: { language: 'json' } } }) }
}

function toUrl(
  path: string,
  parameters: readonly Parameter[],
  variable: string,
  named: string | undefined,
): object {
  const segments = path
    .slice(1)
    .split('/')
    .map((segment) => segment.replace(/\{(\w+)\}/, ':$1'))
  const query = parameters.filter(({ in: place }) => place === 'query').flatMap(toQuery)
  const variables = parameters
    .filter(({ in: place }) => place === 'path')
    .map(({ name, example = '', description = '' }) => ({
      key: name,
      value: named ?? String(example),
      description,
    }))
  return {
    raw: `{{${variable}}}/${segments.join('/')}`,
    host: [`{{${variable}}}`],
    path: segments,
    ...(query.length > 0 && { query }),
    ...(variables.length > 0 && { variable: variables }),
  }
}

/** An object's members are parameters of their own (style form, explode). */
function toQuery({ name, description = '', required = false, example = '' }: Parameter): object[] {
  const off = !required && { disabled: true }
  if (typeof example === 'object' && example !== null) {
    return Object.entries(example).map(([key, value]) => ({ key, value: String(value), description, ...off }))
  }
  return [{ key: name, value: String(example), description, ...off }]
}
