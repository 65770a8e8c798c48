{#- Microseconds since 1970 of a UTC timestamp, as a bigint. -#}
{% macro epoch_us(expression) %}
  {{- return(adapter.dispatch('epoch_us', 'profiles_sync')(expression)) -}}
{% endmacro %}

{% macro default__epoch_us(expression) %}
  {{- return('epoch_us(' ~ expression ~ ')') -}}
{% endmacro %}

{% macro postgres__epoch_us(expression) %}
  {{- return('cast(extract(epoch from ' ~ expression ~ ') * 1000000 as bigint)') -}}
{% endmacro %}

{% macro bigquery__epoch_us(expression) %}
  {{- return('unix_micros(' ~ expression ~ ')') -}}
{% endmacro %}

{% macro snowflake__epoch_us(expression) %}
  {{- return('date_part(epoch_microsecond, ' ~ expression ~ ')') -}}
{% endmacro %}

{% macro sqlserver__epoch_us(expression) %}
  {{- return("datediff_big(microsecond, cast('1970-01-01' as datetime2(6)), " ~ expression ~ ')') -}}
{% endmacro %}

{% macro synapse__epoch_us(expression) %}
  {{- return(profiles_sync.sqlserver__epoch_us(expression)) -}}
{% endmacro %}

{#- Its EXTRACT gives whole seconds. -#}
{% macro redshift__epoch_us(expression) %}
  {{- return("datediff(microsecond, cast('1970-01-01 00:00:00' as timestamp), " ~ expression ~ ')') -}}
{% endmacro %}
