import type { Delivery } from '@millrace/proto'
import type { FailureCode } from './judge-response.ts'
import { CredentialsError, type OpenReceiver } from './open-receiver.ts'
import { type RenderedRequest, renderRequest } from './render-request.ts'
import { RenderError } from './render-template.ts'
import type { SendTarget } from './resolve-target.ts'
import { SigningError, type SignRequest } from './sign-request.ts'

/** Why there is nothing to be sent. */
export interface Unprepared {
  readonly failure: FailureCode
  readonly detail: string
}

/** One attempt's request, filled in and, when it goes to a registered endpoint, signed with its own timestamp. */
export function prepareRequest(
  delivery: Delivery,
  target: SendTarget,
  attempt: { readonly traceparent: string; readonly startedMs: number },
  { sign, openReceiver }: { readonly sign: SignRequest; readonly openReceiver: OpenReceiver },
): RenderedRequest | Unprepared {
  const timestampSeconds = Math.floor(attempt.startedMs / 1_000)
  try {
    const { traceparent } = attempt
    const request = renderRequest(delivery, { traceparent, timestampSeconds }, target.request)
    if (delivery.endpoint === '') return request
    const content = { id: delivery.id, timestampSeconds, body: request.body }
    const { tenant, endpoint } = delivery
    const signature = sign(content, { tenant, endpoint, ...target })
    const receiver = target.credentialed && openReceiver(tenant, endpoint, target.credentialed)
    const headers = { ...request.headers, 'webhook-signature': signature }
    return { ...request, headers, ...(receiver && { receiver }) }
  } catch (error) {
    if (error instanceof CredentialsError) return { failure: 'auth', detail: error.message }
    if (error instanceof SigningError) return { failure: 'signing', detail: error.message }
    if (error instanceof RenderError) return { failure: 'render', detail: error.message }
    // A value that is too deep or too long for this process: no reason to stop for everybody else.
    return { failure: 'render', detail: 'the request cannot be made' }
  }
}
