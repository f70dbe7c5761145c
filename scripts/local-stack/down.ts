// make down
import { openStateFolder } from './state-folder.ts'
import { stopStack } from './stop-stack.ts'

const stopped = await stopStack(openStateFolder(process.env))
process.stdout.write(stopped ? 'The stack is down.\n' : 'The stack was not up.\n')
