-- The replay that an event was judged again by; empty for the first time.
ALTER TABLE events ADD COLUMN IF NOT EXISTS replay LowCardinality(String);
ALTER TABLE invalid_events ADD COLUMN IF NOT EXISTS replay LowCardinality(String);

-- How far replays of events have come; read it with FINAL.
CREATE TABLE IF NOT EXISTS replays
(
    tenant        LowCardinality(String),
    replay        String,
    selected      UInt64,
    processed     UInt64,
    still_invalid UInt64,
    done          Bool,
    revision      UInt64,
    written_at    DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY (tenant, replay);
