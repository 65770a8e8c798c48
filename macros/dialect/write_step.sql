{#- One statement of a transaction that several make up; call it with the statement as the body of a `call` block. `transaction` is
    `new_transaction()`, `name` names the statement. How many rows it wrote is `written(transaction, name)`: for the statements after it an
    SQL expression, after `commit_transaction` a number. -#}
{% macro write_step(transaction, name) %}
  {{- return(adapter.dispatch('write_step', 'profiles_sync')(transaction, name, caller())) -}}
{% endmacro %}

{% macro default__write_step(transaction, name, sql) %}
  {% call statement(name, auto_begin=true, fetch_result=true) %}
    {{ sql }}
  {% endcall %}
  {%- do transaction.rows.update({name: profiles_sync.affected_rows(name)}) -%}
{% endmacro %}

{#- Each statement is a job of its own there; only within one script is there a transaction. -#}
{% macro bigquery__write_step(transaction, name, sql) %}
  {%- do transaction.statements.append(profiles_sync.with_work_tables(sql | trim)) -%}
  {%- do transaction.rows.update({name: 'rows_' ~ (transaction.statements | length)}) -%}
{% endmacro %}

{% macro new_transaction() %}
  {{- return({'statements': [], 'rows': {}, 'conditions': []}) -}}
{% endmacro %}

{#- Rows written by a statement of the transaction; 0 when there was no such statement. -#}
{% macro written(transaction, name) %}
  {{- return(transaction.rows.get(name, 0)) -}}
{% endmacro %}

{% macro snowflake__write_step(transaction, name, sql) %}
  {%- do profiles_sync.begin_snowflake(transaction) -%}
  {%- do profiles_sync.default__write_step(transaction, name, sql) -%}
{% endmacro %}

{#- Before the first statement of a transaction: dbt works with autocommit there, so the transaction is ours. A model that fails leaves it open;
    only with its session does it end: were that used for the next model, any DDL there would commit what the failed one wrote, without its
    watermark. -#}
{% macro begin_snowflake(transaction) %}
  {%- if not transaction.rows -%}
    {%- if target.get('reuse_connections') -%}
      {{ exceptions.raise_compiler_error(
        'Set `reuse_connections: false` in the Snowflake target of profiles.yml: a failed model must not leave its transaction to the next one.'
      ) }}
    {%- endif -%}
    {%- do run_query('begin') -%}
  {%- endif -%}
{% endmacro %}

{#- dbt works with autocommit there, so the transaction is ours. When a statement fails, the server undoes all of it (XACT_ABORT is on in every
    session of dbt's); a model that fails otherwise loses its session, and the transaction with it. -#}
{% macro sqlserver__write_step(transaction, name, sql) %}
  {%- if not transaction.rows -%} {%- do run_query('begin transaction') -%} {%- endif -%}
  {%- do profiles_sync.default__write_step(transaction, name, profiles_sync.with_work_tables(sql)) -%}
{% endmacro %}

{% macro synapse__write_step(transaction, name, sql) %}
  {{- return(profiles_sync.sqlserver__write_step(transaction, name, sql)) -}}
{% endmacro %}
