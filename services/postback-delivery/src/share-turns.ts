/** How many replays an instance carries out side by side: each reads on its own. */
export interface TurnLimits {
  readonly inAll: number
  readonly perTenant: number
}

/**
 * Those of the waiting that may begin now. The tenant that has the fewest under way comes first, and nobody gets more
 * than what is left free: so one tenant's slow ones never take what others need to begin with.
 * @param waiting in their order
 * @param running tenants, one for each that is under way
 */
export function shareTurns<Item extends { readonly tenant: string }>(
  waiting: readonly Item[],
  running: readonly string[],
  limits: TurnLimits,
): readonly Item[] {
  const counts = new Map<string, number>()
  const countOf = ({ tenant }: { tenant: string }): number => counts.get(tenant) ?? 0
  for (const tenant of running) counts.set(tenant, countOf({ tenant }) + 1)
  const chosen: Item[] = []
  const rest = [...waiting]
  while (rest.length > 0) {
    const free = limits.inAll - running.length - chosen.length
    const [next] = rest.toSorted((a, b) => countOf(a) - countOf(b))
    if (next === undefined || countOf(next) >= Math.min(limits.perTenant, free)) break
    rest.splice(rest.indexOf(next), 1)
    counts.set(next.tenant, countOf(next) + 1)
    chosen.push(next)
  }
  return chosen
}
