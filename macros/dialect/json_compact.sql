{#- A JSON value as compact JSON text: no blanks between its tokens, the keys in their order, characters not escaped. -#}
{% macro json_compact(value) %}
  {{- return(adapter.dispatch('json_compact', 'profiles_sync')(value)) -}}
{% endmacro %}

{#- Its JSON is text already, made compact when it was taken out of its document. -#}
{% macro duckdb__json_compact(value) %}
  {{- return('cast(' ~ value ~ ' as varchar)') -}}
{% endmacro %}

{#- `json` keeps its text as it came and `jsonb` prints blanks: prepare_space makes this function. -#}
{% macro postgres__json_compact(value) %}
  {{- return(profiles_sync.space_schema('staging') ~ '.json_compact(cast(' ~ value ~ ' as json))') -}}
{% endmacro %}

{#- Its JSON is text already, made compact when it was taken out of its document; numbers stay as they were written. -#}
{% macro bigquery__json_compact(value) %}
  {{- return(value) -}}
{% endmacro %}

{#- Compact already; the keys in the order that VARIANT gives them. -#}
{% macro snowflake__json_compact(value) %}
  {{- return('to_json(' ~ value ~ ')') -}}
{% endmacro %}

{#- Its JSON is text, and compact: landing stores it so. -#}
{% macro sqlserver__json_compact(value) %}
  {{- return(value) -}}
{% endmacro %}

{% macro synapse__json_compact(value) %}
  {{- return(profiles_sync.sqlserver__json_compact(value)) -}}
{% endmacro %}

{#- Compact already. -#}
{% macro redshift__json_compact(value) %}
  {{- return('json_serialize(' ~ value ~ ')') -}}
{% endmacro %}
