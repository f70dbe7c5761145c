import t from 'tap'
import { constrainEvents } from '../src/constrain-events.ts'

t.test('a key without constraints reads everything of its tenant', async (t) => {
  const parameters = {}
  t.same(constrainEvents({}, parameters), [])
  t.same(parameters, {})
})

t.test('each list of patterns is a condition on its column, with values as parameters', async (t) => {
  const parameters = {}
  const conditions = constrainEvents(
    { constraints: { eventTypes: ['visit.*', 'care.x-ray'], subjects: ["50%_\\*'"] } },
    parameters,
  )
  t.same(conditions, [
    '(type LIKE {allowed_type_0:String} OR type = {allowed_type_1:String})',
    '(subject LIKE {allowed_subject_0:String})',
  ])
  t.same(parameters, {
    allowed_type_0: 'visit.%',
    allowed_type_1: 'care.x-ray',
    allowed_subject_0: "50\\%\\_\\\\%'",
  })
})
