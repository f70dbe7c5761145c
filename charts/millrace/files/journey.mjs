// helm test: an event goes in, and comes out of a report. Exits 0 when it did.
const { INGEST_URL, QUERY_URL, MILLRACE_ROOT_KEY } = process.env
const meter = 'helm-test'
const shop = `run-${Date.now()}`
const headers = { authorization: `Bearer ${MILLRACE_ROOT_KEY}`, 'content-type': 'application/json' }

async function ask(method, url, body) {
  const response = await fetch(url, {
    method,
    headers: body === undefined ? { authorization: headers.authorization } : headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  })
  const text = await response.text()
  console.log(`${method} ${url}: ${response.status} ${text.slice(0, 500)}`)
  if (!response.ok) process.exit(1)
  return JSON.parse(text)
}

await ask('PUT', `${INGEST_URL}/v1/meters/${meter}`, {
  eventTypes: ['millrace.helm-test'],
  aggregation: 'count',
  groupBy: { shop: '/data/shop' },
})
const event = { id: shop, type: 'millrace.helm-test', source: '/helm-test', data: { shop } }
for (let times = 0; times < 2; times += 1) {
  await ask('POST', `${INGEST_URL}/v1/events?wait=stored`, event)
}
const deadline = Date.now() + 60_000
for (;;) {
  const report = await ask('GET', `${QUERY_URL}/v1/reports/${meter}?window=total&filter.shop=${shop}`)
  const value = report.rows[0]?.value
  if (value === 1) break
  if (value > 1 || Date.now() > deadline) {
    console.error(`the event counts ${value} times instead of once`)
    process.exit(1)
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000))
}
console.log('sent twice, counted once')
