ALTER TABLE deliveries ADD INDEX IF NOT EXISTS by_event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1;

-- One row per delivery, by acceptance: what lists page through. The row of its last record replaces the others; version
-- puts them in order. Months that have passed are merged into one part, so that what a delivery once was is found there
-- no more; a reader has to ask for the last version all the same.
CREATE TABLE IF NOT EXISTS delivery_states
(
    tenant      LowCardinality(String),
    accepted_at DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    delivery_id String CODEC(ZSTD(1)),
    postback_id String CODEC(ZSTD(1)),
    endpoint    LowCardinality(String),
    event_id    String CODEC(ZSTD(1)),
    event_type  LowCardinality(String),
    status      LowCardinality(String),
    version     UInt64 CODEC(T64, ZSTD(1)),
    INDEX by_status status TYPE set(8) GRANULARITY 1,
    INDEX by_endpoint endpoint TYPE set(1000) GRANULARITY 1,
    INDEX by_event_type event_type TYPE set(1000) GRANULARITY 1,
    INDEX by_postback_id postback_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(accepted_at)
ORDER BY (tenant, accepted_at, delivery_id)
SETTINGS min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1,
    non_replicated_deduplication_window = 100000;

-- First the view, then what is there: a row that comes both ways replaces itself.
CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_states_of_deliveries TO delivery_states AS
SELECT
    tenant,
    accepted_at,
    delivery_id,
    postback_id,
    endpoint,
    event_id,
    event_type,
    multiIf(outcome = 'accepted' OR (outcome = 'redriven' AND number = 0), 'pending',
        outcome IN ('retry', 'redriven'), 'retrying', outcome) AS status,
    toUInt64(number) * 4294967296 + step AS version
FROM deliveries;

INSERT INTO delivery_states
SELECT
    tenant,
    accepted_at,
    delivery_id,
    postback_id,
    endpoint,
    event_id,
    event_type,
    multiIf(outcome = 'accepted' OR (outcome = 'redriven' AND number = 0), 'pending',
        outcome IN ('retry', 'redriven'), 'retrying', outcome) AS status,
    toUInt64(number) * 4294967296 + step AS version
FROM deliveries;
