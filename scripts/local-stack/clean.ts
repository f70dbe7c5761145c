// make clean: stops the stack and removes its state: data, logs, the root key.
import { rmSync } from 'node:fs'
import { openStateFolder } from './state-folder.ts'
import { stopStack } from './stop-stack.ts'

const folder = openStateFolder(process.env)
await stopStack(folder)
rmSync(folder.path, { recursive: true, force: true })
process.stdout.write(`Removed ${folder.path}\n`)
