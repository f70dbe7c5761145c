/** What visitors of a web shop look at, in turn: some pages more often than others. */
export const visitedPaths: readonly string[] = [
  '/',
  '/',
  '/',
  '/pricing',
  '/pricing',
  '/docs',
  '/docs/quickstart',
  '/blog',
  '/cart',
  '/checkout',
]
