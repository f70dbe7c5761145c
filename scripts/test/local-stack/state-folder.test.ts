import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { keepRootKey } from '../../local-stack/root-key.ts'
import { openStateFolder } from '../../local-stack/state-folder.ts'

function temporaryFolder(t: Test) {
  const path = mkdtempSync(join(tmpdir(), 'millrace state-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return { path, folder: openStateFolder({ MILLRACE_STATE: path }) }
}

t.test('only one process at a time is the supervisor of a folder', async (t) => {
  const { folder } = temporaryFolder(t)
  t.equal(folder.runningSupervisor(), null)
  t.ok(folder.claim())
  t.equal(folder.runningSupervisor()?.pid, process.pid)
  t.notOk(folder.claim())
  folder.unclaim()
  t.equal(folder.runningSupervisor(), null)
  t.ok(folder.claim())
})

t.test(
  'the claim of a supervisor that died is taken over, also when its pid lives on as another',
  async (t) => {
    const { path, folder } = temporaryFolder(t)
    writeFileSync(join(path, 'supervisor.json'), JSON.stringify({ pid: process.pid, startTime: 'long ago' }))
    t.equal(folder.runningSupervisor(), null)
    t.ok(folder.claim())
  },
)

t.test('the root key is made once, looks like one, and only its owner can read it', async (t) => {
  const { folder } = temporaryFolder(t)
  const key = keepRootKey(folder.rootKeyFile)
  t.match(key, /^mr_root_[A-Za-z0-9_-]{43}$/)
  t.equal(keepRootKey(folder.rootKeyFile), key)
  t.equal(statSync(folder.rootKeyFile).mode & 0o777, 0o600)
})
