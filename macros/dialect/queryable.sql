{#- What a FROM clause says for a query that may begin with `with`. To be called before the transaction of the statement that it goes into. -#}
{% macro queryable(name, sql) %}
  {{- return(adapter.dispatch('queryable', 'profiles_sync')(name, sql)) -}}
{% endmacro %}

{% macro default__queryable(name, sql) %}
  {{- return('(' ~ sql ~ ')') -}}
{% endmacro %}

{#- So that what the query repeats is not run within the transaction; see `repeated_ctes`. -#}
{% macro bigquery__queryable(name, sql) %}
  {{- return(profiles_sync.create_work_table(name, sql)) -}}
{% endmacro %}

{% macro sqlserver__queryable(name, sql) %}
  {{- return(profiles_sync.create_work_table(name, sql)) -}}
{% endmacro %}

{% macro synapse__queryable(name, sql) %}
  {{- return(profiles_sync.create_work_table(name, sql)) -}}
{% endmacro %}
