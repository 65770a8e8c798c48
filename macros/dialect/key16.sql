{#- The 16 bytes that state is keyed by: the first half of the SHA-256 of a text. -#}
{% macro key16(expression) %}
  {{- return(adapter.dispatch('key16', 'profiles_sync')(expression)) -}}
{% endmacro %}

{#- A uuid is 16 bytes, fixed, and compared as a number. -#}
{% macro default__key16(expression) %}
  {{- return('cast(substring(' ~ profiles_sync.sha256_hex(expression) ~ ', 1, 32) as uuid)') -}}
{% endmacro %}

{#- It has no uuid; 16 bytes as they are. -#}
{% macro bigquery__key16(expression) %}
  {{- return('substr(sha256(' ~ expression ~ '), 1, 16)') -}}
{% endmacro %}

{#- It has no uuid; 16 bytes as they are. -#}
{% macro snowflake__key16(expression) %}
  {{- return("to_binary(substring(" ~ profiles_sync.sha256_hex(expression) ~ ", 1, 32), 'HEX')") -}}
{% endmacro %}

{#- 16 bytes as they are: a uuid is not compared in the order of its bytes there. -#}
{% macro sqlserver__key16(expression) %}
  {{- return("cast(hashbytes('SHA2_256', " ~ profiles_sync.utf8_text(expression) ~ ') as binary(16))') -}}
{% endmacro %}

{% macro synapse__key16(expression) %}
  {{- return(profiles_sync.sqlserver__key16(expression)) -}}
{% endmacro %}

{#- As hexadecimal digits (`column_type`). -#}
{% macro redshift__key16(expression) %}
  {{- return('substring(' ~ profiles_sync.sha256_hex(expression) ~ ', 1, 32)') -}}
{% endmacro %}
