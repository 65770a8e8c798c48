{{ config(
  enabled=profiles_sync.has_users_and_accounts(),
  materialized='append_events',
  schema='staging',
  unique_key=['event_no', 'raw_path'],
  indexes=[['object_id']],
  meta={'dagster': {'group': 'staging'}, 'sync_group': none}
) }}

{{ profiles_sync.trait_ledger('profile_traits', 'identify', 'userId') }}
