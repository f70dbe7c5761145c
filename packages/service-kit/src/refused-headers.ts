/** Headers of a postback that nobody may give: hop-by-hop, framing and routing (RFC 9110, section 7.6.1) are the sender's. */
export const refusedHeaders: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
