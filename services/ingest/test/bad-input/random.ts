import type { Random } from '@millrace/scripts/random'

export { createRandom, type Random } from '@millrace/scripts/random'

/** BAD_INPUT_SEED, to try a failing run again; else a new one. */
export function seedOfRun(): number {
  const given = process.env.BAD_INPUT_SEED
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
}

export function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[Math.floor(random() * items.length)] as Item
}

const tokens = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\n',
  '\r\n',
  '\0',
  '\ufeff',
  'null',
  'true',
  '-',
  '1e999',
  '9'.repeat(400),
  '"__proto__":',
  '"constructor":{"prototype":{}}',
  '\\ud800',
  '\\u0000',
  '{"a":',
  '['.repeat(200),
  '"id":"1",',
  '%',
  '%00',
  'é',
  '😀',
  '=',
  ';',
  '"data":',
  '"data_base64":"A"',
  'x'.repeat(5_000),
].map((token) => Buffer.from(token))

type Mutation = (bytes: Buffer, at: number, random: Random) => Buffer

const splice = (bytes: Buffer, from: number, to: number, insert: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(to)])

const mutations: readonly Mutation[] = [
  // A bit, a byte.
  (bytes, at, random) =>
    splice(bytes, at, at + 1, Buffer.from([(bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8))])),
  (bytes, at, random) => splice(bytes, at, at + 1, Buffer.from([Math.floor(random() * 256)])),
  // A part left out, cut off, repeated, moved to the end.
  (bytes, at, random) => splice(bytes, at, at + Math.ceil(random() * 16), Buffer.alloc(0)),
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at, random) => splice(bytes, at, at, bytes.subarray(at, at + Math.ceil(random() * 64))),
  (bytes, at) => Buffer.concat([bytes.subarray(at), bytes.subarray(0, at)]),
  // Something that parsers stumble over.
  (bytes, at, random) => splice(bytes, at, at, pick(tokens, random)),
  (bytes, at, random) => splice(bytes, at, at + Math.ceil(random() * 8), pick(tokens, random)),
  (bytes, at, random) =>
    splice(bytes, at, at, Buffer.from(Array.from({ length: 8 }, () => Math.floor(random() * 256)))),
]

/** One to four changes at random places. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let mutated = bytes
  for (let times = Math.ceil(random() ** 2 * 4); times > 0; times -= 1) {
    mutated = pick(mutations, random)(mutated, Math.floor(random() * (mutated.length + 1)), random)
  }
  return mutated
}
