{{ config(
  materialized='append_events',
  schema='staging',
  unique_key=['event_no', 'raw_path'],
  indexes=[['profile_no']],
  meta={'dagster': {'group': 'staging'}, 'sync_group': none}
) }}

{{ profiles_sync.trait_ledger() }}
