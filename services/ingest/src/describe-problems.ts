import { problems } from '@millrace/service-kit/describe-answers'

/** Descriptions of the problem documents that a route may answer with; what any keyed route answers is known. */
export function problemResponses(...statuses: readonly number[]): Record<number, object> {
  return problems(...statuses)
}
