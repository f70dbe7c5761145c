import { readConfig } from '@millrace/service-kit/config'
import t from 'tap'
import { settings } from '../src/config.ts'

t.test('events share no message that is larger than Kafka takes', async (t) => {
  const { packBytes } = settings
  t.equal(readConfig({ packBytes }, { INGEST_PACK_BYTES: '950000' }).packBytes, 950_000)
  t.throws(() => readConfig({ packBytes }, { INGEST_PACK_BYTES: '1048576' }), /INGEST_PACK_BYTES/)
})
