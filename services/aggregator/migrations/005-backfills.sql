-- A new meter counts the events that were there before it. An event carries the catalog position that it was judged at:
-- those at or before a meter's record are the backfill's, later ones have their reading already.
ALTER TABLE events ADD COLUMN IF NOT EXISTS catalog_position UInt64 CODEC(T64, ZSTD(1));

-- Readings taken off stored events, of the meters that are rolled up.
CREATE TABLE IF NOT EXISTS backfilled_readings
(
    tenant          LowCardinality(String),
    meter           LowCardinality(String),
    version         UInt64 CODEC(T64, ZSTD(1)),
    occurred_at     DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    `group`         Array(String) CODEC(ZSTD(1)),
    value           Nullable(Decimal(38, 18)) CODEC(ZSTD(1)),
    kafka_partition UInt32 CODEC(T64, ZSTD(1)),
    kafka_offset    UInt64 CODEC(Delta, ZSTD(1)),
    kafka_index     UInt32 CODEC(Delta, ZSTD(1)),
    type            LowCardinality(String),
    subject         String CODEC(ZSTD(1)),
    source          String CODEC(ZSTD(1)),
    id              String CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (tenant, meter, version, occurred_at)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS meter_minutes_of_backfills TO meter_minutes AS
SELECT
    tenant,
    meter,
    version,
    toStartOfMinute(toDateTime(occurred_at, 'UTC')) AS minute,
    `group`,
    count() AS count,
    ifNull(sum(value), toDecimal128(0, 18)) AS sum,
    min(value) AS min,
    max(value) AS max
FROM backfilled_readings
GROUP BY tenant, meter, version, minute, `group`;

-- Partitions whose events of before a meter have all landed; `through` is the first offset judged with the meter.
CREATE TABLE IF NOT EXISTS backfill_marks
(
    tenant    LowCardinality(String),
    meter     LowCardinality(String),
    version   UInt64,
    partition UInt32,
    through   UInt64,
    marked_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, meter, version, partition);

-- The plan of a backfill and how far it has come; read it with FINAL. A backfill without events has one landed chunk.
CREATE TABLE IF NOT EXISTS backfill_chunks
(
    tenant     LowCardinality(String),
    meter      LowCardinality(String),
    version    UInt64,
    chunk      UInt32,
    chunks     UInt32,
    from_us    UInt64,
    to_us      UInt64,
    bucket     UInt32,
    buckets    UInt32,
    events     UInt64,
    landed     UInt8,
    written_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(landed)
ORDER BY (tenant, meter, version, chunk)
SETTINGS non_replicated_deduplication_window = 10000;
