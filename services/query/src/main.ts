import { runService } from '@millrace/service-kit/run-service'
import { settings } from './config.ts'
import { createService } from './service.ts'

await runService('query', settings, createService)
