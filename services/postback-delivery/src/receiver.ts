/** What is beside the request: how the receiver is verified, and how the request authenticates to it. */
export interface Receiver {
  readonly auth?: ReceiverAuth
  readonly tls?: ReceiverTls
}

export type ReceiverAuth =
  /** Basic and bearer: the header's value. */
  | { readonly kind: 'header'; readonly authorization: string }
  | { readonly kind: 'oauth2'; readonly client: TokenClient }

/** A client of an OAuth 2.0 token endpoint (RFC 6749, section 4.4). */
export interface TokenClient {
  /** Tells clients apart: what endpoint it is of, and all that follows. */
  readonly key: string
  readonly tokenUrl: string
  readonly clientId: string
  readonly clientSecret: string
  readonly scope: string | undefined
  readonly audience: string | undefined
  readonly clientAuthentication: 'header' | 'body'
}

/** PEM texts. */
export interface ReceiverTls {
  /** Tells contents apart: connections are shared where it is the same. */
  readonly key: string
  /** Only these authorities are trusted. */
  readonly ca?: string
  /** The public ones beside them. */
  readonly trustsPublic?: boolean
  readonly certificate?: string
  readonly privateKey?: string
}
