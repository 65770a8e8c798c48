{#- Lower-case hexadecimal SHA-256 of the UTF-8 bytes of a text. -#}
{% macro sha256_hex(expression) %}
  {{- return(adapter.dispatch('sha256_hex', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__sha256_hex(expression) %}
  {{- return('sha256(' ~ expression ~ ')') -}}
{% endmacro %}

{% macro postgres__sha256_hex(expression) %}
  {{- return("encode(sha256(convert_to(" ~ expression ~ ", 'UTF8')), 'hex')") -}}
{% endmacro %}

{#- Its hashes are bytes. -#}
{% macro bigquery__sha256_hex(expression) %}
  {{- return('to_hex(sha256(' ~ expression ~ '))') -}}
{% endmacro %}

{% macro snowflake__sha256_hex(expression) %}
  {{- return('sha2(' ~ expression ~ ', 256)') -}}
{% endmacro %}

{#- A hash of an `nvarchar` would be that of its UTF-16. -#}
{% macro sqlserver__sha256_hex(expression) %}
  {{- return("lower(convert(varchar(64), hashbytes('SHA2_256', " ~ profiles_sync.utf8_text(expression) ~ '), 2))') -}}
{% endmacro %}

{% macro synapse__sha256_hex(expression) %}
  {{- return(profiles_sync.sqlserver__sha256_hex(expression)) -}}
{% endmacro %}

{#- A text whose bytes are UTF-8, whatever its collation was. -#}
{% macro utf8_text(expression) %}
  {{- return('cast((' ~ expression ~ ') collate ' ~ profiles_sync.bytewise_collation() ~ ' as varchar(max))') -}}
{% endmacro %}

{% macro redshift__sha256_hex(expression) %}
  {{- return('sha2(' ~ expression ~ ', 256)') -}}
{% endmacro %}
