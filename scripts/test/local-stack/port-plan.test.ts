import t from 'tap'
import { listPorts, planPorts } from '../../local-stack/port-plan.ts'

t.test('without an offset the documented ports are used', async (t) => {
  t.same(planPorts(1, 0), {
    kafka: [{ client: 9092, controller: 9093 }],
    clickhouse: { http: 8123, tcp: 9000 },
    services: {
      ingest: { http: 8080, grpc: 50051, operations: 9101 },
      aggregator: { grpc: 50053, operations: 9103 },
      'postback-delivery': { grpc: 50052, operations: 9102 },
      query: { http: 8081, grpc: 50054, operations: 9104 },
    },
  })
})

t.test('an offset shifts every port, and no two processes share one', async (t) => {
  const plain = listPorts(planPorts(3, 0))
  const shifted = listPorts(planPorts(3, 1000))
  t.same(
    shifted.map(({ port }) => port),
    plain.map(({ port }) => port + 1000),
  )
  t.equal(new Set(plain.map(({ port }) => port)).size, plain.length)
  t.equal(plain.length, 3 * 2 + 2 + 3 + 2 + 2 + 3)
})

t.test('three brokers get ports of their own', async (t) => {
  t.same(planPorts(3, 0).kafka, [
    { client: 9092, controller: 9093 },
    { client: 9094, controller: 9095 },
    { client: 9096, controller: 9097 },
  ])
})

t.test('an offset that leaves no valid port is refused, with the port named', async (t) => {
  t.throws(() => planPorts(1, 20_000), /PORT_OFFSET=20000 moves port 50051 to 70051/)
  t.throws(() => planPorts(1, -9_000), /PORT_OFFSET=-9000 moves port 8123 to -877/)
})

t.test('an offset that leads to a port which browsers refuse is named', async (t) => {
  t.throws(() => planPorts(1, 2_000), /PORT_OFFSET=2000 leads to port 10080, which browsers refuse/)
})
