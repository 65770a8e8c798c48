{#- A column name as it goes into a statement. The one place that decides about quoting. -#}
{% macro quote_column(name) %}
  {{- return(adapter.dispatch('quote_column', 'profiles_sync')(name)) -}}
{% endmacro %}

{% macro default__quote_column(name) %}
  {{- return('"' ~ name ~ '"') -}}
{% endmacro %}

{% macro bigquery__quote_column(name) %}
  {{- return('`' ~ name ~ '`') -}}
{% endmacro %}
