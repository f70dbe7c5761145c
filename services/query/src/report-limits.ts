export const reportLimits = {
  defaultRows: 1_000,
  maxRows: 10_000,
  /** Values of all filters together. */
  maxFilterValues: 10_000,
  maxFilterCharacters: 256_000,
  maxValueCharacters: 10_000,
  /** Of a range that is given; nineteen years of minutes. */
  maxWindows: 10_000_000,
} as const
