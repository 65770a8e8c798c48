{#- A 16-byte key as 32 hexadecimal digits. -#}
{% macro key16_text(expression) %}
  {{- return(adapter.dispatch('key16_text', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__key16_text(expression) %}
  {{- return("replace(cast(" ~ expression ~ " as " ~ profiles_sync.column_type('id') ~ "), '-', '')") -}}
{% endmacro %}

{% macro bigquery__key16_text(expression) %}
  {{- return('to_hex(' ~ expression ~ ')') -}}
{% endmacro %}

{% macro snowflake__key16_text(expression) %}
  {{- return('lower(hex_encode(' ~ expression ~ '))') -}}
{% endmacro %}

{% macro sqlserver__key16_text(expression) %}
  {{- return('lower(convert(varchar(32), ' ~ expression ~ ', 2))') -}}
{% endmacro %}

{% macro synapse__key16_text(expression) %}
  {{- return(profiles_sync.sqlserver__key16_text(expression)) -}}
{% endmacro %}

{#- Digits already. -#}
{% macro redshift__key16_text(expression) %}
  {{- return(expression) -}}
{% endmacro %}
