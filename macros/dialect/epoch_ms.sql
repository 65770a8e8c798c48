{#- Milliseconds since 1970 of a UTC timestamp, cut, as a bigint. -#}
{% macro epoch_ms(expression) %}
  {{- return(adapter.dispatch('epoch_ms', 'profiles_sync')(expression)) -}}
{% endmacro %}

{#- Its own epoch_ms rounds. -#}
{% macro duckdb__epoch_ms(expression) %}
  {{- return('(epoch_us(' ~ expression ~ ') // 1000)') -}}
{% endmacro %}

{% macro postgres__epoch_ms(expression) %}
  {{- return('cast(floor(extract(epoch from ' ~ expression ~ ') * 1000) as bigint)') -}}
{% endmacro %}

{% macro bigquery__epoch_ms(expression) %}
  {{- return('unix_millis(' ~ expression ~ ')') -}}
{% endmacro %}

{% macro snowflake__epoch_ms(expression) %}
  {{- return('cast(floor(' ~ profiles_sync.epoch_us(expression) ~ ' / 1000) as bigint)') -}}
{% endmacro %}

{#- It counts the milliseconds that begin in between. -#}
{% macro sqlserver__epoch_ms(expression) %}
  {{- return("datediff_big(millisecond, cast('1970-01-01' as datetime2(6)), " ~ expression ~ ')') -}}
{% endmacro %}

{% macro synapse__epoch_ms(expression) %}
  {{- return(profiles_sync.sqlserver__epoch_ms(expression)) -}}
{% endmacro %}

{% macro redshift__epoch_ms(expression) %}
  {{- return('cast(floor(cast(' ~ profiles_sync.epoch_us(expression) ~ ' as decimal(20, 0)) / 1000) as bigint)') -}}
{% endmacro %}
