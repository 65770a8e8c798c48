{{ config(enabled=profiles_sync.has_users_and_accounts(), materialized='current_state', unique_key='id') }}

{{ profiles_sync.object_traits('group_id_traits', 'groups') }}
