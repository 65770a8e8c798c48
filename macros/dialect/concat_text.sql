{#- Parts of text joined; a NULL part makes the result NULL. -#}
{% macro concat_text(parts) %}
  {{- return(adapter.dispatch('concat_text', 'profiles_sync')(parts)) -}}
{% endmacro %}

{% macro default__concat_text(parts) %}
  {{- return('(' ~ parts | join(' || ') ~ ')') -}}
{% endmacro %}

{#- `concat` takes NULL for a blank there. Every part that can be long is `varchar(max)`, and so is the sum. -#}
{% macro sqlserver__concat_text(parts) %}
  {{- return('(' ~ parts | join(' + ') ~ ')') -}}
{% endmacro %}

{% macro synapse__concat_text(parts) %}
  {{- return(profiles_sync.sqlserver__concat_text(parts)) -}}
{% endmacro %}
