{#- Before a commit: makes sure that this run is still the space's sync. One that was taken for dead, on another machine or behind a network that
    failed, must not write beside the sync that followed it. `PROFILES_SYNC_RUN_ID` is the sync's id; dbt started by hand has none. A statement
    of the transaction may have made sure of it already (`lease_in_statement`). -#}
{% macro hold_lease(transaction={}) %}
  {%- set run_id = env_var('PROFILES_SYNC_RUN_ID', '') -%}
  {%- if run_id and not transaction.lease_held -%}
    {{- return(adapter.dispatch('hold_lease', 'profiles_sync')(run_id)) -}}
  {%- endif -%}
{% endmacro %}

{% macro default__hold_lease(run_id) %}
  {%- do profiles_sync.require_lease(run_query(profiles_sync.lease_query(run_id)).rows | length) -%}
{% endmacro %}

{#- The row stays locked until the commit: a sync that takes over waits for it, and then reads what was committed. -#}
{% macro postgres__hold_lease(run_id) %}
  {%- do profiles_sync.require_lease(run_query(profiles_sync.lease_query(run_id) ~ ' for share').rows | length) -%}
{% endmacro %}

{#- The same, whether the database keeps versions of rows or not. -#}
{% macro sqlserver__hold_lease(run_id) %}
  {%- do profiles_sync.require_lease(run_query(profiles_sync.lease_query(run_id, ' with (repeatableread)')).rows | length) -%}
{% endmacro %}

{#- A pool has no row locks. -#}
{% macro synapse__hold_lease(run_id) %}
  {{- return(profiles_sync.default__hold_lease(run_id)) -}}
{% endmacro %}

{#- It has no row locks, and to lock the whole table would let the models that run at once wait for each other: a sync that takes over between this
    look and the commit is not noticed. Within one home its lock keeps that from happening. -#}
{% macro redshift__hold_lease(run_id) %}
  {{- return(profiles_sync.default__hold_lease(run_id)) -}}
{% endmacro %}

{#- Its file has one writer, and the home's lock is held by every process of the sync. -#}
{% macro duckdb__hold_lease(run_id) %}
{% endmacro %}

{#- Query that a transaction's last statement depends on, so that it writes its row only while this run is the space's sync; `lease_held_by`
    then looks whether it did. Saves the commit a question of its own. Blank for dbt started by hand, and where the commit locks the row, looks
    within its script, or has nothing to ask. -#}
{% macro lease_in_statement() %}
  {%- set run_id = env_var('PROFILES_SYNC_RUN_ID', '') -%}
  {{- return(adapter.dispatch('lease_in_statement', 'profiles_sync')(run_id) if run_id else '') -}}
{% endmacro %}

{% macro default__lease_in_statement(run_id) %}
  {{- return('') -}}
{% endmacro %}

{#- There are no locks of rows. -#}
{% macro snowflake__lease_in_statement(run_id) %}
  {{- return(profiles_sync.lease_query(run_id)) -}}
{% endmacro %}

{% macro redshift__lease_in_statement(run_id) %}
  {{- return(profiles_sync.lease_query(run_id)) -}}
{% endmacro %}

{% macro synapse__lease_in_statement(run_id) %}
  {{- return(profiles_sync.lease_query(run_id)) -}}
{% endmacro %}

{#- After a statement of a transaction that depends on the lease: it has written its row, or the run ends here. -#}
{% macro lease_held_by(transaction, name) %}
  {%- if profiles_sync.lease_in_statement() -%}
    {%- if not profiles_sync.written(transaction, name) -%}
      {%- do profiles_sync.hold_lease() -%}
      {{ exceptions.raise_compiler_error('the watermark of ' ~ this ~ ' is gone from table_state; nothing of this table was written: sync again') }}
    {%- endif -%}
    {%- do transaction.update({'lease_held': true}) -%}
  {%- endif -%}
{% endmacro %}

{% macro lease_query(run_id, hint='') %}
  {{- return(
    'select lease.sync_id from ' ~ profiles_sync.contract_relation('current_sync') ~ ' as lease' ~ hint ~ ' where lease.sync_id = '
    ~ profiles_sync.text_literal(run_id)
  ) -}}
{% endmacro %}

{% macro require_lease(rows) %}
  {%- if not rows -%} {{ exceptions.raise_compiler_error(profiles_sync.lost_lease_message()) }} {%- endif -%}
{% endmacro %}

{% macro lost_lease_message() %}
  {{- return('another sync has taken over this space; nothing of this table was written') -}}
{% endmacro %}
