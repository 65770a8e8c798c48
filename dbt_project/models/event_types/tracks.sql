{{ config(materialized='append_events', unique_key='id', indexes=[['received_at'], ['segment_id']]) }}

{{ profiles_sync.event_table('tracks') }}
