/** A statement with the values of its {name:Type} parameters. */
export interface Statement {
  readonly sql: string
  readonly parameters: Readonly<Parameters>
}

/** By name; what a caller sent reaches ClickHouse as one of these only. */
export type Parameters = Record<string, string | number | readonly string[]>
