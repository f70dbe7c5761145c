-- One row per attempt of a delivery; number 0 is its acceptance. A row that is written again replaces itself.
-- accepted_at is the same in all rows of a delivery, so that they meet in one partition. Times of 1970 mean "none".
CREATE TABLE IF NOT EXISTS deliveries
(
    tenant                  LowCardinality(String),
    delivery_id             String CODEC(ZSTD(1)),
    postback_id             String CODEC(ZSTD(1)),
    endpoint                LowCardinality(String),
    number                  UInt32 CODEC(T64, ZSTD(1)),
    outcome                 LowCardinality(String),
    method                  LowCardinality(String),
    url                     String CODEC(ZSTD(1)),
    started_at              DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    duration_us             UInt64 CODEC(T64, ZSTD(1)),
    response_code           UInt32 CODEC(T64, ZSTD(1)),
    response_body           String CODEC(ZSTD(1)),
    response_body_truncated Bool,
    error_code              LowCardinality(String),
    error_detail            String CODEC(ZSTD(1)),
    next_attempt_at         DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    accepted_at             DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    stored_at               DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    traceparent             String CODEC(ZSTD(1)),
    INDEX by_postback_id postback_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_accepted_at accepted_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(stored_at)
PARTITION BY toYYYYMM(accepted_at)
ORDER BY (tenant, delivery_id, number);
