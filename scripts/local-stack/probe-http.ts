const PROBE_TIMEOUT_MS = 2_000

/** Whether a GET is answered with 200; refused, too slow and any other status are a no. */
export async function httpAnswersOk(url: string): Promise<boolean> {
  try {
    // Without keep-alive: a probe's idle connection would be one more that a stop has to wait for.
    const response = await fetch(url, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    })
    // Read to its end: ClickHouse logs an error for an answer that nobody takes.
    await response.text()
    return response.status === 200
  } catch {
    return false
  }
}
