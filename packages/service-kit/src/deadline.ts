/** Rejects with what `onLate` makes when `promise` has not settled after `timeoutMs`; the work itself goes on. */
export async function within<Result>(
  promise: Promise<Result>,
  timeoutMs: number,
  onLate: () => Error,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(onLate()), timeoutMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
