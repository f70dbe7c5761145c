import { createRequire } from 'node:module'
import { describeTopics } from '@millrace/proto/describe-topics'
import { topics } from '@millrace/proto/topics'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import t from 'tap'

interface AsyncApi {
  readonly channels: Readonly<Record<string, { readonly address: string; readonly messages: object }>>
  readonly components: { readonly messages: object }
}

t.test('the topics are described as AsyncAPI’s own schema has it', async (t) => {
  const schema = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object
  // Formats such as "uri-reference" are checked too.
  const ajv = new Ajv({ strict: false, logger: false })
  formats.default(ajv)
  const validate = ajv.compile(schema)
  validate(describeTopics())
  t.same(validate.errors ?? [], [])
  validate({ ...describeTopics(), channels: { broken: { address: 1 } } })
  t.ok(validate.errors, 'what is faulty is found')
})

t.test('every topic is a channel, and every message that a channel has is there', async (t) => {
  const { channels, components } = describeTopics() as AsyncApi
  t.same(
    Object.values(channels).map(({ address }) => address),
    topics.map(({ name }) => name),
  )
  const used = new Set(Object.values(channels).flatMap(({ messages }) => Object.keys(messages)))
  t.same([...used].sort(), Object.keys(components.messages).sort())
})
