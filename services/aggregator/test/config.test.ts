import { readConfig } from '@millrace/service-kit/config'
import t from 'tap'
import { checkConfig, settings } from '../src/config.ts'

const read = (changes: Record<string, string>) =>
  readConfig(settings, { MILLRACE_ROOT_KEY: 'mr_root_key_of_the_configuration_tests', ...changes })

t.test(
  'the first attempt of an insert has to end before the partition may go to another instance',
  async (t) => {
    checkConfig(read({}))
    t.throws(
      () =>
        checkConfig(read({ AGGREGATOR_INSERT_TIMEOUT_MS: '10000', AGGREGATOR_SESSION_TIMEOUT_MS: '10000' })),
      /AGGREGATOR_INSERT_TIMEOUT_MS \(10000\) is not below/,
    )
  },
)
