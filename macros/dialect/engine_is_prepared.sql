{#- Whether what `prepare_engine` made still works; asked of a space whose tables are of this version. -#}
{% macro engine_is_prepared() %}
  {{- return(adapter.dispatch('engine_is_prepared', 'profiles_sync')()) -}}
{% endmacro %}

{% macro default__engine_is_prepared() %}
  {{- return(true) -}}
{% endmacro %}

{#- pgcrypto may be dropped, moved, or installed at last: the function calls it by its schema. -#}
{% macro postgres__engine_is_prepared() %}
  {%- set schema = profiles_sync.postgres_pgcrypto_schema() -%}
  {%- set called = "strpos(p.prosrc, '" ~ (schema | replace("'", "''")) ~ ".digest(') " ~ ('> 0' if schema else '= 0') -%}
  {%- set found = run_query(
    "select 1 from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace where n.nspname = '"
    ~ profiles_sync.space_schema('staging') ~ "' and p.proname = 'sha1_hex' and " ~ called
  ) -%}
  {{- return(found.rows | length > 0) -}}
{% endmacro %}

{#- It has no such function. -#}
{% macro redshift__engine_is_prepared() %}
  {{- return(true) -}}
{% endmacro %}
