{#- Changes an integer column to float, values kept. -#}
{% macro widen_column(relation, column) %}
  {{- return(adapter.dispatch('widen_column', 'profiles_sync')(relation, column)) -}}
{% endmacro %}

{% macro default__widen_column(relation, column) %}
  {%- do run_query(
    'alter table ' ~ relation ~ ' alter column ' ~ profiles_sync.quote_column(column) ~ ' type ' ~ profiles_sync.column_type('float')
  ) -%}
{% endmacro %}

{% macro bigquery__widen_column(relation, column) %}
  {%- do run_query(
    'alter table ' ~ relation ~ ' alter column ' ~ profiles_sync.quote_column(column) ~ ' set data type ' ~ profiles_sync.column_type('float')
  ) -%}
{% endmacro %}
