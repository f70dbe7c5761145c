-- ClickHouse before 25.11 wrote the lengths of a text column among its texts, later ones write them apart. As it was, merging
-- events takes a third less, reading their texts too, and they take a quarter less room; attempts gain a tenth.
ALTER TABLE events MODIFY SETTING string_serialization_version = 'single_stream';
ALTER TABLE invalid_events MODIFY SETTING string_serialization_version = 'single_stream';
ALTER TABLE event_changes MODIFY SETTING string_serialization_version = 'single_stream';
ALTER TABLE deliveries MODIFY SETTING string_serialization_version = 'single_stream';
