import t from 'tap'
import { createSessions } from '../src/session.ts'

const rootKey = 'root-key-of-the-tests'
const config = { rootKey, sessionMinutes: 10 }

t.test('any instance opens what another one has sealed, until it expires', async (t) => {
  let nowMs = 1_000_000
  const { text, expiresAtMs } = createSessions(config, () => nowMs).seal('mr_key')
  const other = createSessions(config, () => nowMs)
  t.same(other.open(text), { authorization: 'Bearer mr_key', expiresAtMs })
  nowMs = expiresAtMs - 1
  t.same(other.open(text)?.authorization, 'Bearer mr_key')
  nowMs = expiresAtMs
  t.equal(other.open(text), undefined)
  t.equal(createSessions(config, () => nowMs).open(text), undefined)
})

t.test('the key does not stand in the text, and every session has another one', async (t) => {
  const sessions = createSessions(config)
  const [one, two] = [sessions.seal('mr_key').text, sessions.seal('mr_key').text]
  t.notMatch(one, /mr_key/)
  t.notMatch(Buffer.from(one.split('.')[2] ?? '', 'base64url').toString('latin1'), /mr_key/)
  t.not(one, two)
})

t.test('what was changed, sealed under another root key, or is something else is no session', async (t) => {
  const sessions = createSessions(config)
  const { text } = sessions.seal('mr_key')
  const elsewhere = createSessions({ ...config, rootKey: 'another-root-key' }).seal('mr_key').text
  const changed = `${text.slice(0, -2)}${text.endsWith('AA') ? 'BB' : 'AA'}`
  for (const given of [changed, elsewhere, '', 'v1.x.y', 'x'.repeat(10_000)]) {
    t.equal(sessions.open(given), undefined, given.slice(0, 20))
  }
})
