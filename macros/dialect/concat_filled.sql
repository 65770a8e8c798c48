{#- Parts of text joined, none of which is ever NULL. -#}
{% macro concat_filled(parts) %}
  {{- return(adapter.dispatch('concat_filled', 'profiles_sync')(parts)) -}}
{% endmacro %}

{% macro default__concat_filled(parts) %}
  {{- return(profiles_sync.concat_text(parts)) -}}
{% endmacro %}

{#- Its `||` copies what is joined so far at every part; `concat` copies once, but leaves a NULL out. -#}
{% macro duckdb__concat_filled(parts) %}
  {{- return('concat(' ~ parts | join(', ') ~ ')') -}}
{% endmacro %}
