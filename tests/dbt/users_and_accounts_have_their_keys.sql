-- A returned row means: a user or an account comes twice, or lacks what every row has.
{{ config(enabled=profiles_sync.has_users_and_accounts()) }}
{{ profiles_sync.key_violations('users', ['id'], ['received_at', 'uuid_ts', 'timestamp']) }}
union all
{{ profiles_sync.key_violations('accounts', ['id'], ['received_at', 'uuid_ts', 'timestamp']) }}
