{#- A timestamp as text to the second: 2022-05-02T14:01:00. -#}
{% macro timestamp_text(expression) %}
  {{- return(adapter.dispatch('timestamp_text', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro duckdb__timestamp_text(expression) %}
  {{- return("strftime(" ~ expression ~ ", '%Y-%m-%dT%H:%M:%S')") -}}
{% endmacro %}

{% macro postgres__timestamp_text(expression) %}
  {{- return("to_char(" ~ expression ~ ", 'YYYY-MM-DD\"T\"HH24:MI:SS')") -}}
{% endmacro %}

{% macro bigquery__timestamp_text(expression) %}
  {{- return("format_timestamp('%E4Y-%m-%dT%H:%M:%S', " ~ expression ~ ')') -}}
{% endmacro %}

{% macro snowflake__timestamp_text(expression) %}
  {{- return("to_char(cast(" ~ expression ~ " as timestamp_ntz), 'YYYY-MM-DD\"T\"HH24:MI:SS')") -}}
{% endmacro %}

{% macro sqlserver__timestamp_text(expression) %}
  {{- return('convert(varchar(19), ' ~ expression ~ ', 126)') -}}
{% endmacro %}

{% macro synapse__timestamp_text(expression) %}
  {{- return(profiles_sync.sqlserver__timestamp_text(expression)) -}}
{% endmacro %}
