{#- Statement that adds the rows of a query, which may begin with `with`, to a work table. -#}
{% macro insert_work_rows(table, sql) %}
  {{- return(adapter.dispatch('insert_work_rows', 'profiles_sync')(table, sql)) -}}
{% endmacro %}

{% macro default__insert_work_rows(table, sql) %}
  {{- return(profiles_sync.with_work_tables('insert into ' ~ table ~ ' ' ~ sql)) -}}
{% endmacro %}

{#- One script with the tables that wait and that the query needs; what it wrote is its result. -#}
{% macro bigquery__insert_work_rows(table, sql) %}
  {%- set parts = profiles_sync.repeated_ctes(table, sql) -%}
  declare rows_written int64 default 0;
  {{- profiles_sync.take_waiting_statements() }}
  {{- profiles_sync.bigquery_work_tables(parts.tables) }}
  {{ profiles_sync.default__insert_work_rows(table, parts.sql) }};
  set rows_written = @@row_count;
  select rows_written;
{% endmacro %}

{#- `with` may only stand at the beginning of a statement there. -#}
{% macro sqlserver__insert_work_rows(table, sql) %}
  {%- set view = profiles_sync.create_work_view(table, profiles_sync.create_repeated_ctes(table, sql)) -%}
  {{- return(profiles_sync.with_work_tables('insert into ' ~ table ~ ' select every_one.* from ' ~ view ~ ' as every_one')) -}}
{% endmacro %}

{% macro synapse__insert_work_rows(table, sql) %}
  {{- return(profiles_sync.sqlserver__insert_work_rows(table, sql)) -}}
{% endmacro %}
