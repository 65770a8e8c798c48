{#- Parts of text joined; a NULL part makes the result NULL. -#}
{% macro concat_text(parts) %}
  {{- return(adapter.dispatch('concat_text', 'profiles_sync')(parts)) -}}
{% endmacro %}

{% macro default__concat_text(parts) %}
  {{- return('(' ~ parts | join(' || ') ~ ')') -}}
{% endmacro %}
