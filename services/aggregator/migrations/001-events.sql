-- One row per accepted, valid event. A retried insert is dropped by its token, hence the deduplication window:
-- it counts inserted blocks, per table.
CREATE TABLE IF NOT EXISTS events
(
    tenant            LowCardinality(String),
    source            String CODEC(ZSTD(1)),
    id                String CODEC(ZSTD(1)),
    type              LowCardinality(String),
    subject           String CODEC(ZSTD(1)),
    occurred_at       DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    received_at       DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    stored_at         DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    data_content_type LowCardinality(String),
    data_schema       String CODEC(ZSTD(1)),
    data              String CODEC(ZSTD(1)),
    extensions        String CODEC(ZSTD(1)),
    application       LowCardinality(String),
    traceparent       String CODEC(ZSTD(1)),
    schema_version    UInt64 CODEC(T64, ZSTD(1)),
    kafka_partition   UInt32 CODEC(T64, ZSTD(1)),
    kafka_offset      UInt64 CODEC(Delta, ZSTD(1)),
    kafka_index       UInt32 CODEC(Delta, ZSTD(1)),
    readings          Array(Tuple(meter String, version UInt64, `group` Array(String), value Nullable(Decimal(38, 18)))) CODEC(ZSTD(1)),
    INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1,
    INDEX by_kafka_offset kafka_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (tenant, type, occurred_at, source, id)
SETTINGS non_replicated_deduplication_window = 10000;

-- Accepted events that are not valid, and why. They count nowhere.
CREATE TABLE IF NOT EXISTS invalid_events
(
    tenant            LowCardinality(String),
    source            String CODEC(ZSTD(1)),
    id                String CODEC(ZSTD(1)),
    type              LowCardinality(String),
    subject           String CODEC(ZSTD(1)),
    occurred_at       DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    received_at       DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    stored_at         DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    data_content_type LowCardinality(String),
    data_schema       String CODEC(ZSTD(1)),
    data              String CODEC(ZSTD(1)),
    extensions        String CODEC(ZSTD(1)),
    application       LowCardinality(String),
    traceparent       String CODEC(ZSTD(1)),
    schema_version    UInt64 CODEC(T64, ZSTD(1)),
    kafka_partition   UInt32 CODEC(T64, ZSTD(1)),
    kafka_offset      UInt64 CODEC(Delta, ZSTD(1)),
    kafka_index       UInt32 CODEC(Delta, ZSTD(1)),
    reason            String CODEC(ZSTD(1)),
    pointer           String CODEC(ZSTD(1)),
    INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_received_at received_at TYPE minmax GRANULARITY 1,
    INDEX by_kafka_offset kafka_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (tenant, type, occurred_at, source, id)
SETTINGS non_replicated_deduplication_window = 10000;
