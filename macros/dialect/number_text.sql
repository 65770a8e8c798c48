{#- A float as its shortest decimal text, a whole one without fraction: 100000, 19.99, 1e+28. -#}
{% macro number_text(expression) %}
  {{- return(adapter.dispatch('number_text', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__number_text(expression) %}
  {%- set float = 'cast(' ~ expression ~ ' as ' ~ profiles_sync.column_type('float') ~ ')' -%}
  {%- set text = profiles_sync.column_type('text') -%}
  {{- return(
    'case when abs(' ~ float ~ ') < 1e18 and floor(' ~ float ~ ') = ' ~ float
    ~ ' then cast(cast(' ~ float ~ ' as ' ~ profiles_sync.column_type('bigint') ~ ') as ' ~ text ~ ') else cast(' ~ float ~ ' as ' ~ text ~ ') end'
  ) -}}
{% endmacro %}
