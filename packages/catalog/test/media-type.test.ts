import t from 'tap'
import { isJsonMediaType } from '../src/media-type.ts'

t.test('JSON is told by subtype or suffix, whatever stands around it', async (t) => {
  for (const type of [
    '',
    'application/json',
    'application/json; charset=utf-8',
    'application/json ; charset=utf-8',
    'Application/JSON',
    'text/json',
    'model/json',
    'application/vnd.shop+json',
    'image/vnd.shop+json ;v=1',
  ]) {
    t.ok(isJsonMediaType(type), type)
  }
  for (const type of [
    'text/plain',
    'application/jsonl',
    'application/x-json',
    'application/json-seq',
    'application/vnd.shop+json+zip',
    'text/plain; as=application/json',
    'json',
  ]) {
    t.notOk(isJsonMediaType(type), type)
  }
})
