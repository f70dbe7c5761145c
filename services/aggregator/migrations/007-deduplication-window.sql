-- Sixty blocks a second (twelve partitions, a batch every 200 ms) pass 10,000 in three minutes. An owner that was paused
-- with an insert on its way may wake later than that; 100,000 are half an hour, at about 20 MB a table.
ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 100000;
ALTER TABLE invalid_events MODIFY SETTING non_replicated_deduplication_window = 100000;
ALTER TABLE meter_minutes MODIFY SETTING non_replicated_deduplication_window = 100000;
ALTER TABLE meter_readings MODIFY SETTING non_replicated_deduplication_window = 100000;
ALTER TABLE event_changes MODIFY SETTING non_replicated_deduplication_window = 100000;
