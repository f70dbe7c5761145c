export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en')
}

/** As milliseconds. */
export function formatMs(seconds: number): string {
  return `${(seconds * 1_000).toFixed(1)} ms`
}

export function formatRatio(value: number, other: number): string {
  return `${(value / other).toFixed(2)} ×`
}
