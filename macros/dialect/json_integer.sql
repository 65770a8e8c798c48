{#- A JSON number written without fraction and exponent as a bigint; NULL when it does not fit. For values whose kind is `integer`. -#}
{% macro json_integer(value) %}
  {{- return(adapter.dispatch('json_integer', 'profiles_sync')(value)) -}}
{% endmacro %}

{% macro duckdb__json_integer(value) %}
  {{- return('try_cast(cast(' ~ value ~ ' as varchar) as bigint)') -}}
{% endmacro %}

{% macro postgres__json_integer(value) %}
  {%- set number = 'cast(cast(' ~ value ~ ' as text) as numeric)' -%}
  {{- return(
    'case when ' ~ number ~ ' between -9223372036854775808 and 9223372036854775807 then cast(' ~ number ~ ' as bigint) end'
  ) -}}
{% endmacro %}

{% macro bigquery__json_integer(value) %}
  {{- return('safe_cast(' ~ value ~ ' as int64)') -}}
{% endmacro %}

{#- Its integers have 38 digits, ours 64 bits as everywhere. -#}
{% macro snowflake__json_integer(value) %}
  {%- set number = 'try_to_decimal(to_json(' ~ value ~ '), 38, 0)' -%}
  {{- return('case when ' ~ number ~ ' between -9223372036854775808 and 9223372036854775807 then ' ~ number ~ ' end') -}}
{% endmacro %}

{% macro sqlserver__json_integer(value) %}
  {{- return('try_cast(' ~ value ~ ' as bigint)') -}}
{% endmacro %}

{% macro synapse__json_integer(value) %}
  {{- return(profiles_sync.sqlserver__json_integer(value)) -}}
{% endmacro %}

{% macro redshift__json_integer(value) %}
  {{- return('try_cast(json_serialize(' ~ value ~ ') as bigint)') -}}
{% endmacro %}
