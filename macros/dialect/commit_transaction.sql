{#- Ends a transaction begun by `write_step`: all of its statements take effect, or none, and none when another sync has taken over. -#}
{% macro commit_transaction(transaction) %}
  {{- return(adapter.dispatch('commit_transaction', 'profiles_sync')(transaction)) -}}
{% endmacro %}

{% macro default__commit_transaction(transaction) %}
  {%- do profiles_sync.hold_lease(transaction) -%}
  {%- do adapter.commit() -%}
{% endmacro %}

{#- Another one begins with it (see `commit`). -#}
{% macro postgres__commit_transaction(transaction) %}
  {%- do profiles_sync.hold_lease(transaction) -%}
  {%- do profiles_sync.commit() -%}
{% endmacro %}

{% macro redshift__commit_transaction(transaction) %}
  {{- return(profiles_sync.default__commit_transaction(transaction)) -}}
{% endmacro %}

{#- One script, which looks at the lease itself, and at what it was made of (`expect`): what was read before it was sent says nothing about its
    commit. In a transaction a SELECT may stand, an ASSERT need not be let. Its last statement gives the rows that each of the others wrote. -#}
{% macro bigquery__commit_transaction(transaction) %}
  {%- set names = transaction.rows.keys() | list -%}
  {%- set run_id = env_var('PROFILES_SYNC_RUN_ID', '') -%}
  {% call statement('transaction', fetch_result=true) %}
    {%- for name in names %}
    declare rows_{{ loop.index }} int64 default 0;
    {%- endfor %}
    {{- profiles_sync.take_waiting_statements() }}
    begin transaction;
    {%- for condition in (['exists (' ~ profiles_sync.lease_query(run_id) ~ ')'] if run_id else []) + transaction.conditions %}
    select if({{ condition }}, 1, error({{ profiles_sync.text_literal(profiles_sync.lost_lease_message()) }}));
    {%- endfor %}
    {%- for sql in transaction.statements %}
    {{ sql }};
    set rows_{{ loop.index }} = @@row_count;
    {%- endfor %}
    commit transaction;
    select {% for name in names %}rows_{{ loop.index }} as written_{{ loop.index }}{{ ', ' if not loop.last }}{% endfor %};
  {% endcall %}
  {%- set found = load_result('transaction').table.rows[0] -%}
  {%- for name in names -%}
    {%- do transaction.rows.update({name: found[loop.index0] | int}) -%}
  {%- endfor -%}
{% endmacro %}

{#- Begun by `write_step` itself, not by dbt. -#}
{% macro snowflake__commit_transaction(transaction) %}
  {%- do profiles_sync.hold_lease(transaction) -%}
  {%- do run_query('commit') -%}
{% endmacro %}

{#- Begun by `write_step` itself: dbt works with autocommit there. -#}
{% macro sqlserver__commit_transaction(transaction) %}
  {%- do profiles_sync.hold_lease(transaction) -%}
  {%- do run_query('commit transaction') -%}
{% endmacro %}

{% macro synapse__commit_transaction(transaction) %}
  {{- return(profiles_sync.sqlserver__commit_transaction(transaction)) -}}
{% endmacro %}
