import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createSecretBox, secretsKeysOf } from '../src/seal-secret.ts'

const context = 'acme/partner-a'
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

t.test('what was sealed is opened again, and each sealing looks different', async (t) => {
  const box = createSecretBox([randomBytes(32)])
  const [one, two] = [box.seal(secret, context), box.seal(secret, context)]
  t.not(one, two)
  t.notMatch(one, secret)
  t.equal(box.open(one, context), secret)
  t.equal(box.open(two, context), secret)
})

t.test('a changed character anywhere is found out', async (t) => {
  const box = createSecretBox([randomBytes(32)])
  const sealed = box.seal(secret, context)
  for (let at = 0; at < sealed.length; at += 1) {
    // The last character may carry bits that stand for nothing: another first one always differs.
    const other = sealed[at] === 'A' ? 'Q' : 'A'
    const changed = sealed.slice(0, at) + other + sealed.slice(at + 1)
    if (Buffer.from(changed.slice(12), 'base64url').equals(Buffer.from(sealed.slice(12), 'base64url')))
      continue
    t.throws(() => box.open(changed, context), `character ${at}`)
  }
  t.throws(() => box.open(sealed.slice(0, -8), context))
  t.throws(() => box.open('', context))
  t.throws(() => box.open(sealed.slice(0, 12), context))
})

t.test('a tag that was cut short is no tag', async (t) => {
  const box = createSecretBox([randomBytes(32)])
  const sealed = box.seal('', context)
  const cut =
    sealed.slice(0, 12) + Buffer.from(sealed.slice(12), 'base64url').subarray(0, 16).toString('base64url')
  t.throws(() => box.open(cut, context))
})

t.test('a secret cannot be moved to another endpoint, nor opened with another key', async (t) => {
  const box = createSecretBox([randomBytes(32)])
  const sealed = box.seal(secret, context)
  t.throws(() => box.open(sealed, 'acme/partner-b'))
  t.throws(() => box.open(sealed, 'other/partner-a'))
  t.throws(() => createSecretBox([randomBytes(32)]).open(sealed, context), /MILLRACE_SECRETS_KEY/)
})

t.test('after a change of the key the old one still opens, and says that it is old', async (t) => {
  const [old, fresh] = [randomBytes(32), randomBytes(32)]
  const sealed = createSecretBox([old]).seal(secret, context)
  const box = createSecretBox([fresh, old])
  t.equal(box.open(sealed, context), secret)
  t.equal(box.keyOf(sealed), 'former')
  const again = box.seal(secret, context)
  t.equal(box.keyOf(again), 'current')
  t.equal(createSecretBox([fresh]).keyOf(sealed), 'unknown')
  t.equal(createSecretBox([fresh]).open(again, context), secret)
  t.throws(() => createSecretBox([old]).open(again, context))
})

t.test('without a key of its own a deployment seals with one that the root key gives', async (t) => {
  const rootKey = 'root-key-of-the-tests'
  const sealed = createSecretBox(secretsKeysOf({ secretsKeys: [], rootKey })).seal(secret, context)
  t.equal(createSecretBox(secretsKeysOf({ secretsKeys: [], rootKey })).open(sealed, context), secret)
  t.throws(() =>
    createSecretBox(secretsKeysOf({ secretsKeys: [], rootKey: 'another-root-key' })).open(sealed, context),
  )
  const given = createSecretBox(secretsKeysOf({ secretsKeys: [randomBytes(32)], rootKey }))
  t.equal(given.open(sealed, context), secret, 'also once a key is given')
  t.equal(given.keyOf(sealed), 'former')
})
