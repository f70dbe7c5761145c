-- Rollups by hour and by day of UTC, fed from the minutes: what goes there, whichever view it comes by, goes on to here
-- under the same token. Sums have room for all of a day's minutes.
CREATE TABLE IF NOT EXISTS meter_hours
(
    tenant  LowCardinality(String),
    meter   LowCardinality(String),
    version UInt64 CODEC(T64, ZSTD(1)),
    hour    DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    `group` Array(String) CODEC(ZSTD(1)),
    count   SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    sum     SimpleAggregateFunction(sum, Decimal(76, 18)) CODEC(ZSTD(1)),
    min     SimpleAggregateFunction(min, Nullable(Decimal(38, 18))) CODEC(ZSTD(1)),
    max     SimpleAggregateFunction(max, Nullable(Decimal(38, 18))) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, meter, version, hour, `group`)
SETTINGS non_replicated_deduplication_window = 100000;

CREATE TABLE IF NOT EXISTS meter_days
(
    tenant  LowCardinality(String),
    meter   LowCardinality(String),
    version UInt64 CODEC(T64, ZSTD(1)),
    day     DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    `group` Array(String) CODEC(ZSTD(1)),
    count   SimpleAggregateFunction(sum, Int64) CODEC(T64, ZSTD(1)),
    sum     SimpleAggregateFunction(sum, Decimal(76, 18)) CODEC(ZSTD(1)),
    min     SimpleAggregateFunction(min, Nullable(Decimal(38, 18))) CODEC(ZSTD(1)),
    max     SimpleAggregateFunction(max, Nullable(Decimal(38, 18))) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant, meter, version, day, `group`)
SETTINGS non_replicated_deduplication_window = 100000;

CREATE MATERIALIZED VIEW IF NOT EXISTS meter_days_of_hours TO meter_days AS
SELECT
    tenant,
    meter,
    version,
    toStartOfDay(hour) AS day,
    `group`,
    sum(meter_hours.count) AS count,
    sum(meter_hours.sum) AS sum,
    min(meter_hours.min) AS min,
    max(meter_hours.max) AS max
FROM meter_hours
GROUP BY tenant, meter, version, day, `group`;

-- What is there already, under tokens of its own: instances that start at the same time insert it once. It comes before
-- the view of the minutes, and nobody lands anything before the migration is through. Aggregators of an earlier version
-- have to be stopped in order before, so that they leave no range behind that would be inserted again.
INSERT INTO meter_hours
SELECT
    tenant,
    meter,
    version,
    toStartOfHour(minute) AS hour,
    `group`,
    sum(meter_minutes.count) AS count,
    sum(toDecimal256(meter_minutes.sum, 18)) AS sum,
    min(meter_minutes.min) AS min,
    max(meter_minutes.max) AS max
FROM meter_minutes
WHERE cityHash64(tenant, meter, version, `group`) % 4 = 0
GROUP BY tenant, meter, version, hour, `group`
SETTINGS insert_deduplication_token = 'migration-008-hours-0', insert_deduplicate = 1,
    deduplicate_blocks_in_dependent_materialized_views = 1, max_threads = 1, max_insert_threads = 1,
    max_block_size = 1000000000, min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 1000000000000,
    min_insert_block_size_rows_for_materialized_views = 1000000000,
    min_insert_block_size_bytes_for_materialized_views = 1000000000000,
    group_by_two_level_threshold = 0, group_by_two_level_threshold_bytes = 0;

INSERT INTO meter_hours
SELECT
    tenant,
    meter,
    version,
    toStartOfHour(minute) AS hour,
    `group`,
    sum(meter_minutes.count) AS count,
    sum(toDecimal256(meter_minutes.sum, 18)) AS sum,
    min(meter_minutes.min) AS min,
    max(meter_minutes.max) AS max
FROM meter_minutes
WHERE cityHash64(tenant, meter, version, `group`) % 4 = 1
GROUP BY tenant, meter, version, hour, `group`
SETTINGS insert_deduplication_token = 'migration-008-hours-1', insert_deduplicate = 1,
    deduplicate_blocks_in_dependent_materialized_views = 1, max_threads = 1, max_insert_threads = 1,
    max_block_size = 1000000000, min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 1000000000000,
    min_insert_block_size_rows_for_materialized_views = 1000000000,
    min_insert_block_size_bytes_for_materialized_views = 1000000000000,
    group_by_two_level_threshold = 0, group_by_two_level_threshold_bytes = 0;

INSERT INTO meter_hours
SELECT
    tenant,
    meter,
    version,
    toStartOfHour(minute) AS hour,
    `group`,
    sum(meter_minutes.count) AS count,
    sum(toDecimal256(meter_minutes.sum, 18)) AS sum,
    min(meter_minutes.min) AS min,
    max(meter_minutes.max) AS max
FROM meter_minutes
WHERE cityHash64(tenant, meter, version, `group`) % 4 = 2
GROUP BY tenant, meter, version, hour, `group`
SETTINGS insert_deduplication_token = 'migration-008-hours-2', insert_deduplicate = 1,
    deduplicate_blocks_in_dependent_materialized_views = 1, max_threads = 1, max_insert_threads = 1,
    max_block_size = 1000000000, min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 1000000000000,
    min_insert_block_size_rows_for_materialized_views = 1000000000,
    min_insert_block_size_bytes_for_materialized_views = 1000000000000,
    group_by_two_level_threshold = 0, group_by_two_level_threshold_bytes = 0;

INSERT INTO meter_hours
SELECT
    tenant,
    meter,
    version,
    toStartOfHour(minute) AS hour,
    `group`,
    sum(meter_minutes.count) AS count,
    sum(toDecimal256(meter_minutes.sum, 18)) AS sum,
    min(meter_minutes.min) AS min,
    max(meter_minutes.max) AS max
FROM meter_minutes
WHERE cityHash64(tenant, meter, version, `group`) % 4 = 3
GROUP BY tenant, meter, version, hour, `group`
SETTINGS insert_deduplication_token = 'migration-008-hours-3', insert_deduplicate = 1,
    deduplicate_blocks_in_dependent_materialized_views = 1, max_threads = 1, max_insert_threads = 1,
    max_block_size = 1000000000, min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 1000000000000,
    min_insert_block_size_rows_for_materialized_views = 1000000000,
    min_insert_block_size_bytes_for_materialized_views = 1000000000000,
    group_by_two_level_threshold = 0, group_by_two_level_threshold_bytes = 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS meter_hours_of_minutes TO meter_hours AS
SELECT
    tenant,
    meter,
    version,
    toStartOfHour(minute) AS hour,
    `group`,
    sum(meter_minutes.count) AS count,
    sum(toDecimal256(meter_minutes.sum, 18)) AS sum,
    min(meter_minutes.min) AS min,
    max(meter_minutes.max) AS max
FROM meter_minutes
GROUP BY tenant, meter, version, hour, `group`;
