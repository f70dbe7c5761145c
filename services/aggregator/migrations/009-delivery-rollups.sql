-- A delivery leaves a row per step: what was requested, or what became of it without a request. number stays the count of
-- requests; rows of before have no step.
ALTER TABLE deliveries
    ADD COLUMN IF NOT EXISTS step UInt32 CODEC(T64, ZSTD(1)),
    MODIFY ORDER BY (tenant, delivery_id, number, step);
ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS without_request Bool;
ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS event_source String CODEC(ZSTD(1));
ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS event_id String CODEC(ZSTD(1));
ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS event_type LowCardinality(String);
ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS replay String CODEC(ZSTD(1));
ALTER TABLE deliveries MODIFY SETTING non_replicated_deduplication_window = 100000;

-- How deliveries go, by endpoint (empty for postbacks without one) and minute of the request or step. `requests` are
-- `delivered` and `failed` ones; `unanswered` got no response. durations: of requests, in microseconds, within 1 %; read it with quantilesDDMerge.
CREATE TABLE IF NOT EXISTS delivery_minutes
(
    tenant     LowCardinality(String),
    endpoint   LowCardinality(String),
    minute     DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    accepted   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    requests   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    delivered  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    failed     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    unanswered SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    dead       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    held       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    redriven   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    durations  AggregateFunction(quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99), UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, endpoint, minute)
SETTINGS non_replicated_deduplication_window = 100000;

CREATE TABLE IF NOT EXISTS delivery_hours
(
    tenant     LowCardinality(String),
    endpoint   LowCardinality(String),
    hour       DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    accepted   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    requests   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    delivered  SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    failed     SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    unanswered SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    dead       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    held       SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    redriven   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    durations  AggregateFunction(quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99), UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, endpoint, hour)
SETTINGS non_replicated_deduplication_window = 100000;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_hours_of_minutes TO delivery_hours AS
SELECT
    tenant,
    endpoint,
    toStartOfHour(minute) AS hour,
    sum(delivery_minutes.accepted) AS accepted,
    sum(delivery_minutes.requests) AS requests,
    sum(delivery_minutes.delivered) AS delivered,
    sum(delivery_minutes.failed) AS failed,
    sum(delivery_minutes.unanswered) AS unanswered,
    sum(delivery_minutes.dead) AS dead,
    sum(delivery_minutes.held) AS held,
    sum(delivery_minutes.redriven) AS redriven,
    quantilesDDMergeState(0.01, 0.5, 0.9, 0.95, 0.99)(delivery_minutes.durations) AS durations
FROM delivery_minutes
GROUP BY tenant, endpoint, hour;

-- As with the meters' rollups: first what is there, then the view.
INSERT INTO delivery_minutes
SELECT
    tenant,
    endpoint,
    toStartOfMinute(toDateTime(started_at, 'UTC')) AS minute,
    countIf(outcome = 'accepted') AS accepted,
    countIf(number > 0 AND NOT without_request) AS requests,
    countIf(outcome = 'delivered') AS delivered,
    countIf(number > 0 AND NOT without_request AND outcome != 'delivered') AS failed,
    countIf(number > 0 AND NOT without_request AND response_code = 0) AS unanswered,
    countIf(outcome = 'dead') AS dead,
    countIf(outcome = 'held') AS held,
    countIf(outcome = 'redriven') AS redriven,
    quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(duration_us, number > 0 AND NOT without_request) AS durations
FROM deliveries FINAL
GROUP BY tenant, endpoint, minute
SETTINGS insert_deduplication_token = 'migration-009-minutes', insert_deduplicate = 1,
    deduplicate_blocks_in_dependent_materialized_views = 1, max_threads = 1, max_insert_threads = 1,
    max_block_size = 1000000000, min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 1000000000000,
    min_insert_block_size_rows_for_materialized_views = 1000000000,
    min_insert_block_size_bytes_for_materialized_views = 1000000000000,
    group_by_two_level_threshold = 0, group_by_two_level_threshold_bytes = 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_minutes_of_deliveries TO delivery_minutes AS
SELECT
    tenant,
    endpoint,
    toStartOfMinute(toDateTime(started_at, 'UTC')) AS minute,
    countIf(outcome = 'accepted') AS accepted,
    countIf(number > 0 AND NOT without_request) AS requests,
    countIf(outcome = 'delivered') AS delivered,
    countIf(number > 0 AND NOT without_request AND outcome != 'delivered') AS failed,
    countIf(number > 0 AND NOT without_request AND response_code = 0) AS unanswered,
    countIf(outcome = 'dead') AS dead,
    countIf(outcome = 'held') AS held,
    countIf(outcome = 'redriven') AS redriven,
    quantilesDDStateIf(0.01, 0.5, 0.9, 0.95, 0.99)(duration_us, number > 0 AND NOT without_request) AS durations
FROM deliveries
GROUP BY tenant, endpoint, minute;
