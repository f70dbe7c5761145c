// Exits 0 when the service of this container is ready: for Docker, which asks in this way only.
const response = await fetch(`http://127.0.0.1:${process.env.OPERATIONS_PORT}/healthz/ready`, {
  signal: AbortSignal.timeout(2_500),
}).catch(() => undefined)
process.exit(response?.ok ? 0 : 1)
