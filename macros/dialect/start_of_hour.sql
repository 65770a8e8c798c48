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
