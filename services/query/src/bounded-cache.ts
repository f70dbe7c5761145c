/** Values by key within a number of bytes. */
export interface BoundedCache<Value> {
  get(key: string): Value | undefined
  /** Replaces an older value. A value that would take a large part of the room is not kept. */
  set(key: string, value: Value, bytes: number): void
  /** Of all that is held, keys that were evicted lately included. */
  bytes(): number
  entries(): number
}

interface Node<Value> {
  readonly key: string
  value: Value
  bytes: number
  /** Since it was last looked at for eviction, at most 3. */
  visits: number
  main: boolean
}

const smallShare = 0.1
const largestShare = 0.125
const overheadBytes = 200
const ghostShare = 0.1
const ghostOverheadBytes = 100

/**
 * S3-FIFO (Yang et al., SOSP 2023): what is asked for once passes through a small queue and leaves; what is asked for
 * again moves to the main queue and stays as long as it is asked for. Few reports of a dashboard are asked for all the
 * time and most are asked for once, so a scan through old reports does not push the popular ones out. A hit only counts.
 */
export function createBoundedCache<Value>(
  maxBytes: number,
  onEvict: () => void = () => {},
): BoundedCache<Value> {
  const nodes = new Map<string, Node<Value>>()
  // Maps iterate in the order of insertion: queues.
  const small = new Map<string, Node<Value>>()
  const main = new Map<string, Node<Value>>()
  /** Keys that left the small queue lately: when they come back, they were worth keeping. */
  const ghosts = new Set<string>()
  let bytes = 0
  let smallBytes = 0
  let ghostBytes = 0

  const takeGhost = (key: string): boolean => {
    const found = ghosts.delete(key)
    if (found) ghostBytes -= key.length + ghostOverheadBytes
    return found
  }
  /** As many as there are entries, or few: the next entries may be large, and leave room for few others. */
  const addGhost = (key: string): void => {
    ghosts.add(key)
    ghostBytes += key.length + ghostOverheadBytes
    while (ghosts.size > nodes.size + 100 || ghostBytes > maxBytes * ghostShare) {
      takeGhost(first(ghosts) as string)
    }
  }
  const remove = (node: Node<Value>): void => {
    nodes.delete(node.key)
    if (node.main) main.delete(node.key)
    else {
      small.delete(node.key)
      smallBytes -= node.bytes
    }
    bytes -= node.bytes
  }
  const evictSmall = (node: Node<Value>): void => {
    if (node.visits > 0) {
      small.delete(node.key)
      smallBytes -= node.bytes
      node.main = true
      node.visits = 0
      main.set(node.key, node)
      return
    }
    remove(node)
    addGhost(node.key)
    onEvict()
  }
  const evictMain = (node: Node<Value>): void => {
    if (node.visits > 0) {
      node.visits -= 1
      main.delete(node.key)
      main.set(node.key, node)
      return
    }
    remove(node)
    onEvict()
  }
  const evictOne = (): void => {
    const oldestSmall = first(small.values())
    const oldestMain = first(main.values())
    if (oldestSmall !== undefined && (smallBytes > maxBytes * smallShare || oldestMain === undefined)) {
      evictSmall(oldestSmall)
    } else if (oldestMain !== undefined) evictMain(oldestMain)
  }
  return {
    get(key) {
      const node = nodes.get(key)
      if (node === undefined) return undefined
      if (node.visits < 3) node.visits += 1
      return node.value
    },
    set(key, value, valueBytes) {
      const size = valueBytes + key.length + overheadBytes
      const known = nodes.get(key)
      if (size > maxBytes * largestShare) {
        if (known !== undefined) remove(known)
        return
      }
      if (known !== undefined) {
        bytes += size - known.bytes
        if (!known.main) smallBytes += size - known.bytes
        known.value = value
        known.bytes = size
      } else {
        const node = { key, value, bytes: size, visits: 0, main: takeGhost(key) }
        nodes.set(key, node)
        bytes += size
        if (node.main) main.set(key, node)
        else {
          small.set(key, node)
          smallBytes += size
        }
      }
      // Ends: without entries there are only ghosts, and those stay within their share.
      while (bytes + ghostBytes > maxBytes) evictOne()
    },
    bytes: () => bytes + ghostBytes,
    entries: () => nodes.size,
  }
}

function first<Item>(items: Iterable<Item>): Item | undefined {
  for (const item of items) return item
  return undefined
}
