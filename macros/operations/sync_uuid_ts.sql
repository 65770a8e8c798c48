{#- The mark of the sync in progress, as an expression: one value per sync, read when the statement runs. -#}
{% macro sync_uuid_ts() %}
  {{- return('(select max(sync.uuid_ts) from ' ~ profiles_sync.contract_relation('current_sync') ~ ' as sync)') -}}
{% endmacro %}
