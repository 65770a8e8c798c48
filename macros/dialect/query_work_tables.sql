{#- The result of a query on work tables. -#}
{% macro query_work_tables(sql) %}
  {{- return(adapter.dispatch('query_work_tables', 'profiles_sync')(sql)) -}}
{% endmacro %}

{% macro default__query_work_tables(sql) %}
  {{- return(run_query(profiles_sync.with_work_tables(sql))) -}}
{% endmacro %}

{#- With what makes the tables, in one script. -#}
{% macro bigquery__query_work_tables(sql) %}
  {{- return(run_query(profiles_sync.take_waiting_statements() ~ profiles_sync.with_work_tables(sql))) -}}
{% endmacro %}
