{#- What a JSON value is: `string` `integer` `float` `boolean` `object` `array` `null`; NULL when there is none. A number is an integer
    when it is written without fraction and exponent. -#}
{% macro json_kind(value) %}
  {{- return(adapter.dispatch('json_kind', 'profiles_sync')(value)) -}}
{% endmacro %}

{% macro default__json_kind(value) %}
  {{- return(profiles_sync.json_text_kind('cast(' ~ value ~ ' as ' ~ profiles_sync.column_type('text') ~ ')')) -}}
{% endmacro %}

{#- The same of a value's JSON text. -#}
{% macro json_text_kind(text) %}
  {%- set first = 'substring(' ~ text ~ ', 1, 1)' -%}
  {{- return(
    "case " ~ first ~ " when '\"' then 'string' when '{' then 'object' when '[' then 'array'"
    ~ " when 't' then 'boolean' when 'f' then 'boolean' when 'n' then 'null'"
    ~ " else case when " ~ text ~ " is null then null when " ~ text ~ " like '%.%' or " ~ text ~ " like '%e%' or " ~ text ~ " like '%E%'"
    ~ " then 'float' else 'integer' end end"
  ) -}}
{% endmacro %}

{#- Cast to text, a string loses its quotation marks there. -#}
{% macro snowflake__json_kind(value) %}
  {{- return(profiles_sync.json_text_kind(profiles_sync.json_compact(value))) -}}
{% endmacro %}

{#- Cast to text, a string loses its quotation marks, and objects and arrays become NULL. -#}
{% macro redshift__json_kind(value) %}
  {{- return(profiles_sync.json_text_kind(profiles_sync.json_compact(value))) -}}
{% endmacro %}
