{#- A column as a table is made with it: its name, its type, and what else the engine must be told. -#}
{% macro column_definition(name, logical) %}
  {{- return(adapter.dispatch('column_definition', 'profiles_sync')(name, logical)) -}}
{% endmacro %}

{% macro default__column_definition(name, logical) %}
  {{- return(profiles_sync.quote_column(name) ~ ' ' ~ profiles_sync.column_type(logical)) -}}
{% endmacro %}

{#- A database's own collation ignores case, and may hold no UTF-8. -#}
{% macro sqlserver__column_definition(name, logical) %}
  {%- set collation = ' collate ' ~ profiles_sync.bytewise_collation() if logical in ('id', 'text', 'json', 'varchar') else '' -%}
  {{- return(profiles_sync.default__column_definition(name, logical) ~ collation ~ ' null') -}}
{% endmacro %}

{% macro synapse__column_definition(name, logical) %}
  {{- return(profiles_sync.sqlserver__column_definition(name, logical)) -}}
{% endmacro %}
