{#- What a FROM clause says for a query that may begin with `with`. To be called before the transaction of the statement that it goes into. -#}
{% macro queryable(name, sql) %}
  {{- return(adapter.dispatch('queryable', 'profiles_sync')(name, sql)) -}}
{% endmacro %}

{% macro default__queryable(name, sql) %}
  {{- return('(' ~ sql ~ ')') -}}
{% endmacro %}

{#- `with` may only stand at the beginning of a statement there. -#}
{% macro sqlserver__queryable(name, sql) %}
  {{- return(profiles_sync.create_work_view(name, sql)) -}}
{% endmacro %}

{% macro synapse__queryable(name, sql) %}
  {{- return(profiles_sync.sqlserver__queryable(name, sql)) -}}
{% endmacro %}
