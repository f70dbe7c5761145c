import {
  catalogTopic,
  deadTopic,
  deliveriesTopic,
  deliveryStateTopic,
  eventsTopic,
  parkedTopic,
  postbacksTopic,
  retryTiers,
  retryTopic,
} from '@millrace/proto/topics'

export const group = 'millrace-postback-delivery'
/** Groups, and the topics that their consumers read, with the delay that each adds. */
export const sources: readonly { group: string; topics: ReadonlyMap<string, number> }[] = [
  { group, topics: new Map([[postbacksTopic.name, 0]]) },
  {
    group: `${group}-retries`,
    topics: new Map(retryTiers.map((tier) => [retryTopic(tier).name, tier.delayMs])),
  },
]
/** Made at the start where they are missing. */
export const topics = [
  catalogTopic,
  eventsTopic,
  postbacksTopic,
  ...retryTiers.map(retryTopic),
  parkedTopic,
  deadTopic,
  deliveriesTopic,
  deliveryStateTopic,
]
