{#- A JSON number as a float; NULL when it is beyond a float's range. For values whose kind is `integer` or `float`. -#}
{% macro json_number(value) %}
  {{- return(adapter.dispatch('json_number', 'profiles_sync')(value)) -}}
{% endmacro %}

{#- Its cast gives infinity beyond the range, and keeps a zero negative. -#}
{% macro duckdb__json_number(value) %}
  {%- set number = '(try_cast(cast(' ~ value ~ ' as varchar) as double) + 0)' -%}
  {{- return('case when isfinite(' ~ number ~ ') then ' ~ number ~ ' end') -}}
{% endmacro %}

{#- Half of the smallest float, rounded up: Postgres takes nothing below for a float. -#}
{% macro postgres_least_float() %}
  {{- return('2.4703282292062328e-324') -}}
{% endmacro %}

{#- Its cast fails beyond the range, and below half of the smallest float. -#}
{% macro postgres__json_number(value) %}
  {%- set number = 'cast(cast(' ~ value ~ ' as text) as numeric)' -%}
  {{- return(
    'case when abs(' ~ number ~ ') between ' ~ profiles_sync.postgres_least_float() ~ ' and 1.7976931348623157e308 then cast(' ~ number ~ ' as double precision)'
    ~ ' when abs(' ~ number ~ ') < ' ~ profiles_sync.postgres_least_float() ~ ' then 0 end'
  ) -}}
{% endmacro %}

{#- Its safe cast gives NULL beyond the range. -#}
{% macro bigquery__json_number(value) %}
  {{- return('safe_cast(' ~ value ~ ' as float64)') -}}
{% endmacro %}

{% macro snowflake__json_number(value) %}
  {%- set number = 'try_to_double(to_json(' ~ value ~ '))' -%}
  {{- return('case when abs(' ~ number ~ ') <= 1.7976931348623157e308 then ' ~ number ~ ' end') -}}
{% endmacro %}

{#- Its cast gives NULL beyond the range, and keeps a zero negative. -#}
{% macro sqlserver__json_number(value) %}
  {{- return('(try_cast(' ~ value ~ ' as float) + 0)') -}}
{% endmacro %}

{% macro synapse__json_number(value) %}
  {{- return(profiles_sync.sqlserver__json_number(value)) -}}
{% endmacro %}

{% macro redshift__json_number(value) %}
  {{- return('try_cast(json_serialize(' ~ value ~ ') as double precision)') -}}
{% endmacro %}
