{#- A timestamp one microsecond later. -#}
{% macro next_microsecond(expression) %}
  {{- return(adapter.dispatch('next_microsecond', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__next_microsecond(expression) %}
  {{- return('(' ~ expression ~ " + interval '1 microsecond')") -}}
{% endmacro %}

{% macro bigquery__next_microsecond(expression) %}
  {{- return('timestamp_add(' ~ expression ~ ', interval 1 microsecond)') -}}
{% endmacro %}

{% macro snowflake__next_microsecond(expression) %}
  {{- return('dateadd(microsecond, 1, ' ~ expression ~ ')') -}}
{% endmacro %}

{% macro sqlserver__next_microsecond(expression) %}
  {{- return('dateadd(microsecond, 1, ' ~ expression ~ ')') -}}
{% endmacro %}

{% macro synapse__next_microsecond(expression) %}
  {{- return(profiles_sync.sqlserver__next_microsecond(expression)) -}}
{% endmacro %}

{% macro redshift__next_microsecond(expression) %}
  {{- return('dateadd(microsecond, 1, ' ~ expression ~ ')') -}}
{% endmacro %}
