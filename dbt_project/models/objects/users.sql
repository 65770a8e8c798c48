{{ config(enabled=profiles_sync.has_users_and_accounts(), materialized='current_state', unique_key='id') }}

{{ profiles_sync.object_traits('user_id_traits', 'profile_traits') }}
