-- Readings of the meters that need every value: unique, latest, p50 to p99. One row per event and meter, at the event's
-- own microsecond; reports leave out those of retracted events. Only batches with such readings write here, so that
-- meters which count and sum do not pay for them.
-- value: a count of 1e-18; for `unique` the first 128 bits of a SHA-256 of the value with its JSON type.
CREATE TABLE IF NOT EXISTS meter_readings
(
    tenant          LowCardinality(String),
    meter           LowCardinality(String),
    version         UInt64 CODEC(T64, ZSTD(1)),
    occurred_at     DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    `group`         Array(String) CODEC(ZSTD(1)),
    value           Int128 CODEC(ZSTD(1)),
    kafka_partition UInt32 CODEC(T64, ZSTD(1)),
    kafka_offset    UInt64 CODEC(Delta, ZSTD(1)),
    kafka_index     UInt32 CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (tenant, meter, version, occurred_at)
SETTINGS non_replicated_deduplication_window = 10000;

-- Settlements and retractions of events, in the order of their arrival, effective or not (`status` says which).
-- event_* and `type` to `occurred_at` are of the event that is changed; empty where there is none.
-- readings: what the change adds to the rollup, negative where it takes away. corrected: the meters that they are of, as
-- ",name@version,...,"; a report of any other meter computes the minute of the event from single readings.
CREATE TABLE IF NOT EXISTS event_changes
(
    tenant            LowCardinality(String),
    source            String CODEC(ZSTD(1)),
    id                String CODEC(ZSTD(1)),
    kind              LowCardinality(String),
    status            LowCardinality(String),
    erased            Bool,
    reference         String CODEC(ZSTD(1)),
    settled_at        DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    received_at       DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    stored_at         DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    application       LowCardinality(String),
    traceparent       String CODEC(ZSTD(1)),
    kafka_partition   UInt32 CODEC(T64, ZSTD(1)),
    kafka_offset      UInt64 CODEC(Delta, ZSTD(1)),
    kafka_index       UInt32 CODEC(Delta, ZSTD(1)),
    type              LowCardinality(String),
    occurred_at       DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    event_status      LowCardinality(String),
    event_received_at DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    event_offset      UInt64 CODEC(Delta, ZSTD(1)),
    event_index       UInt32 CODEC(Delta, ZSTD(1)),
    corrected         LowCardinality(String),
    readings          Array(Tuple(meter String, version UInt64, `group` Array(String), count Int64, value Nullable(Decimal(38, 18)))) CODEC(ZSTD(1)),
    INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_kafka_offset kafka_offset TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (tenant, kind, type, occurred_at, source, id)
SETTINGS non_replicated_deduplication_window = 10000;

-- What is taken away is counted below zero.
ALTER TABLE meter_minutes MODIFY COLUMN IF EXISTS count SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1));

CREATE MATERIALIZED VIEW IF NOT EXISTS meter_minutes_of_changes TO meter_minutes AS
SELECT
    tenant,
    reading.meter AS meter,
    reading.version AS version,
    toStartOfMinute(toDateTime(occurred_at, 'UTC')) AS minute,
    reading.group AS `group`,
    sum(reading.count) AS count,
    ifNull(sum(reading.value), toDecimal128(0, 18)) AS sum,
    CAST(NULL, 'Nullable(Decimal(38, 18))') AS min,
    CAST(NULL, 'Nullable(Decimal(38, 18))') AS max
FROM event_changes
ARRAY JOIN readings AS reading
GROUP BY tenant, meter, version, minute, `group`;
