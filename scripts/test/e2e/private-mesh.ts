import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { MeshAddress } from '../../client/mesh-http.ts'
import { type Stack, startStack } from '../../local-stack/index.ts'
import { meshAddress } from '../../local-stack/mesh-address.ts'

/** A whole mesh for one test file, gone when the file ends. */
export async function startPrivateMesh(t: Test): Promise<{ stack: Stack; address: MeshAddress }> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-e2e-'))
  const stack = await startStack({ directory })
  t.teardown(async () => {
    await stack.stop()
    await rm(directory, { recursive: true, force: true })
  })
  return { stack, address: meshAddress(stack) }
}
