export interface ChartData {
  /** Seconds since 1970, ascending. */
  readonly times: readonly number[]
  readonly series: readonly { readonly label: string; readonly values: readonly (number | null)[] }[]
}
