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

{#- Unquoted names are in upper case there, as readers write them; a quoted one in lower case would be another column. -#}
{% macro snowflake__quote_column(name) %}
  {{- return(name) -}}
{% endmacro %}
