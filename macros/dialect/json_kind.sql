{#- What a JSON value is: `string` `integer` `float` `boolean` `object` `array` `null`; NULL when there is none. A number is an integer
    when it is written without fraction and exponent. -#}
{% macro json_kind(value) %}
  {{- return(adapter.dispatch('json_kind', 'profiles_sync')(value)) -}}
{% endmacro %}

{% macro default__json_kind(value) %}
  {%- set text = 'cast(' ~ value ~ ' as ' ~ profiles_sync.column_type('text') ~ ')' -%}
  {%- set first = 'substring(' ~ text ~ ', 1, 1)' -%}
  {{- return(
    "case " ~ first ~ " when '\"' then 'string' when '{' then 'object' when '[' then 'array'"
    ~ " when 't' then 'boolean' when 'f' then 'boolean' when 'n' then 'null'"
    ~ " else case when " ~ text ~ " is null then null when " ~ text ~ " like '%.%' or " ~ text ~ " like '%e%' or " ~ text ~ " like '%E%'"
    ~ " then 'float' else 'integer' end end"
  ) -}}
{% endmacro %}
