{#- A timestamp cut to its hour. -#}
{% macro start_of_hour(expression) %}
  {{- return(adapter.dispatch('start_of_hour', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__start_of_hour(expression) %}
  {{- return("date_trunc('hour', " ~ expression ~ ')') -}}
{% endmacro %}

{#- The part comes second there, unquoted. -#}
{% macro bigquery__start_of_hour(expression) %}
  {{- return('timestamp_trunc(' ~ expression ~ ', hour)') -}}
{% endmacro %}

{#- It has no such function before 2022. -#}
{% macro sqlserver__start_of_hour(expression) %}
  {%- set origin = "cast('1970-01-01' as datetime2(6))" -%}
  {{- return('dateadd(hour, datediff(hour, ' ~ origin ~ ', ' ~ expression ~ '), ' ~ origin ~ ')') -}}
{% endmacro %}

{% macro synapse__start_of_hour(expression) %}
  {{- return(profiles_sync.sqlserver__start_of_hour(expression)) -}}
{% endmacro %}
