/** Names that this machine answers for by itself: DNS has no say in them. */
export function isLocalName(host: string): boolean {
  return !host.replace(/\.$/, '').includes('.') || /\.localhost\.?$/i.test(host)
}
