{#- The text of a JSON string, its escapes resolved. For values whose kind is `string`. -#}
{% macro json_string(value) %}
  {{- return(adapter.dispatch('json_string', 'profiles_sync')(value)) -}}
{% endmacro %}

{% macro duckdb__json_string(value) %}
  {{- return('(' ~ value ~ " ->> '$')") -}}
{% endmacro %}

{% macro postgres__json_string(value) %}
  {{- return('(' ~ value ~ " #>> '{}')") -}}
{% endmacro %}

{% macro bigquery__json_string(value) %}
  {{- return('json_value(' ~ value ~ ", '$')") -}}
{% endmacro %}

{% macro snowflake__json_string(value) %}
  {{- return('as_varchar(' ~ value ~ ')') -}}
{% endmacro %}

{#- `json_value` would cut at 4,000 characters. -#}
{% macro sqlserver__json_string(value) %}
  {{- return(
    "(select cast(strings.value collate " ~ profiles_sync.bytewise_collation() ~ " as varchar(max)) from openjson('[' + " ~ value ~ " + ']') as strings)"
  ) -}}
{% endmacro %}

{% macro synapse__json_string(value) %}
  {{- return(profiles_sync.sqlserver__json_string(value)) -}}
{% endmacro %}

{% macro redshift__json_string(value) %}
  {{- return('cast(' ~ value ~ ' as ' ~ profiles_sync.column_type('text') ~ ')') -}}
{% endmacro %}
