/** Rejects with what `onLate` makes when `promise` has not settled after `timeoutMs`; the work itself goes on. */
export function within<Result>(
  promise: Promise<Result>,
  timeoutMs: number,
  onLate: () => Error,
): Promise<Result> {
  // Not a race: every request comes here, and this takes half as many promises.
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(onLate()), timeoutMs)
    promise.then(
      (result) => {
        clearTimeout(timer)
        resolve(result)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}
