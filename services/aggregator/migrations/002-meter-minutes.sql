-- Minute rollups of every meter. Not partitioned: the minute is the producer's, and one batch may hold decades.
CREATE TABLE IF NOT EXISTS meter_minutes
(
    tenant  LowCardinality(String),
    meter   LowCardinality(String),
    version UInt64 CODEC(T64, ZSTD(1)),
    minute  DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    `group` Array(String) CODEC(ZSTD(1)),
    count   SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
    sum     SimpleAggregateFunction(sum, Decimal(38, 18)) CODEC(ZSTD(1)),
    min     SimpleAggregateFunction(min, Nullable(Decimal(38, 18))) CODEC(ZSTD(1)),
    max     SimpleAggregateFunction(max, Nullable(Decimal(38, 18))) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, meter, version, minute, `group`)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS meter_minutes_of_events TO meter_minutes AS
SELECT
    tenant,
    reading.meter AS meter,
    reading.version AS version,
    toStartOfMinute(toDateTime(occurred_at, 'UTC')) AS minute,
    reading.group AS `group`,
    count() AS count,
    ifNull(sum(reading.value), toDecimal128(0, 18)) AS sum,
    min(reading.value) AS min,
    max(reading.value) AS max
FROM events
ARRAY JOIN readings AS reading
GROUP BY tenant, meter, version, minute, `group`;
