{#- Milliseconds since 1970 of a UTC timestamp, cut, as a bigint. -#}
{% macro epoch_ms(expression) %}
  {{- return(adapter.dispatch('epoch_ms', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__epoch_ms(expression) %}
  {{- return('epoch_ms(' ~ expression ~ ')') -}}
{% endmacro %}

{% macro postgres__epoch_ms(expression) %}
  {{- return('cast(floor(extract(epoch from ' ~ expression ~ ') * 1000) as bigint)') -}}
{% endmacro %}
