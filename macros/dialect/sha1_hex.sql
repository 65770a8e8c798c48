{#- Lower-case hexadecimal SHA-1 of the UTF-8 bytes of a text. -#}
{% macro sha1_hex(expression) %}
  {{- return(adapter.dispatch('sha1_hex', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__sha1_hex(expression) %}
  {{- return('sha1(' ~ expression ~ ')') -}}
{% endmacro %}

{#- Postgres has no SHA-1 of its own: prepare_space makes this function, over pgcrypto where that can be had. -#}
{% macro postgres__sha1_hex(expression) %}
  {{- return(profiles_sync.space_schema('staging') ~ '.sha1_hex(' ~ expression ~ ')') -}}
{% endmacro %}

{#- Its hashes are bytes. -#}
{% macro bigquery__sha1_hex(expression) %}
  {{- return('to_hex(sha1(' ~ expression ~ '))') -}}
{% endmacro %}

{#- A hash of an `nvarchar` would be that of its UTF-16. -#}
{% macro sqlserver__sha1_hex(expression) %}
  {{- return("lower(convert(varchar(40), hashbytes('SHA1', " ~ profiles_sync.utf8_text(expression) ~ '), 2))') -}}
{% endmacro %}

{% macro synapse__sha1_hex(expression) %}
  {{- return(profiles_sync.sqlserver__sha1_hex(expression)) -}}
{% endmacro %}

{#- Its own; not Postgres' way. -#}
{% macro redshift__sha1_hex(expression) %}
  {{- return('sha1(' ~ expression ~ ')') -}}
{% endmacro %}
