import { isNestedTooDeep, maxJsonDepth } from '@millrace/catalog/json-depth'

/** Says what is wrong with JSON text that nests too deep, or nothing. */
export function checkDepth(json: Buffer): string | undefined {
  return isNestedTooDeep(json) ? `is nested deeper than ${maxJsonDepth} levels` : undefined
}
