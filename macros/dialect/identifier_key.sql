{#- Key of an identifier: 16 bytes of the SHA-256 of its type, a zero byte, and its value (UTF-8). -#}
{% macro identifier_key(type, value) %}
  {{- return(adapter.dispatch('identifier_key', 'profiles_sync')(type, value)) -}}
{% endmacro %}

{% macro default__identifier_key(type, value) %}
  {{- return(profiles_sync.key16(profiles_sync.concat_text([type, 'chr(0)', value]))) -}}
{% endmacro %}

{#- Postgres text cannot hold a zero byte, its bytea can. -#}
{% macro postgres__identifier_key(type, value) %}
  {{- return(
    "cast(encode(substring(sha256(convert_to(" ~ type ~ ", 'UTF8') || decode('00', 'hex') || convert_to(" ~ value
    ~ ", 'UTF8')) from 1 for 16), 'hex') as uuid)"
  ) -}}
{% endmacro %}

{#- Hashed as bytes: chr(0) is an empty text there. -#}
{% macro bigquery__identifier_key(type, value) %}
  {{- return("substr(sha256(concat(cast(" ~ type ~ " as bytes), b'\\x00', cast(" ~ value ~ " as bytes))), 1, 16)") -}}
{% endmacro %}

{#- The first bytes of the hash are what a shorter binary keeps. -#}
{% macro sqlserver__identifier_key(type, value) %}
  {{- return(profiles_sync.key16(profiles_sync.concat_text([type, 'char(0)', value]))) -}}
{% endmacro %}

{% macro synapse__identifier_key(type, value) %}
  {{- return(profiles_sync.sqlserver__identifier_key(type, value)) -}}
{% endmacro %}

{#- Its texts cannot hold a zero byte. The first other one does as well: a type never has it. -#}
{% macro redshift__identifier_key(type, value) %}
  {{- return(profiles_sync.key16(profiles_sync.concat_text([type, 'chr(1)', value]))) -}}
{% endmacro %}
