{#- The moment that a text names as a UTC timestamp; NULL for a text that is no timestamp value: an ISO 8601 date and time with seconds
    and zone, of a day that exists, in the years 1 to 9999. Digits beyond the microsecond are cut. Landing tells timestamps from other
    texts by the same rule. -#}
{% macro text_timestamp(text) %}
  {{- return(adapter.dispatch('text_timestamp', 'profiles_sync')(text)) -}}
{% endmacro %}

{#- Cast to a timestamp without zone, the offset would be ignored. -#}
{% macro duckdb__text_timestamp(text) %}
  {%- set moment = 'make_timestamp(epoch_us(try_cast(' ~ text ~ ' as timestamptz)))' -%}
  {{- return(
    "case when regexp_full_match(" ~ text ~ ", '" ~ profiles_sync.timestamp_pattern() ~ "') and " ~ moment
    ~ " between timestamp '0001-01-01 00:00:00' and timestamp '9999-12-31 23:59:59.999999' then " ~ moment ~ " end"
  ) -}}
{% endmacro %}

{#- There is no cast that gives NULL, so the day is checked against its month first; and the cast rounds what is beyond microseconds. -#}
{% macro postgres__text_timestamp(text) %}
  {%- set moment = "timezone('UTC', cast(regexp_replace(" ~ text ~ ", '([.][0-9]{6})[0-9]+', '\\1') as timestamptz))" -%}
  {{- return(
    "case when " ~ text ~ " ~ '^" ~ profiles_sync.timestamp_pattern() ~ "$' then case when cast(substring(" ~ text
    ~ " from 9 for 2) as int) <= extract(day from make_date(cast(substring(" ~ text ~ " from 1 for 4) as int), cast(substring(" ~ text
    ~ " from 6 for 2) as int), 1) + interval '1 month - 1 day') then case when " ~ moment
    ~ " between timestamp '0001-01-01 00:00:00' and timestamp '9999-12-31 23:59:59.999999' then " ~ moment ~ " end end end"
  ) -}}
{% endmacro %}

{#- Regular expression of such a text, without anchors; it lets the 31st of any month through. -#}
{% macro timestamp_pattern() %}
  {{- return(
    '([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'
    ~ 'T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-](0[0-9]|1[0-5]):?[0-5][0-9])'
  ) -}}
{% endmacro %}

{#- Its cast refuses more than six digits and zones beyond 14 hours, so the local time is cast and the zone taken off. -#}
{% macro bigquery__text_timestamp(text) %}
  {%- set local = "safe_cast(regexp_extract(" ~ text ~ ", r'^(.{19}(?:[.][0-9]{1,6})?)') as timestamp)" -%}
  {%- set zone = "regexp_extract(" ~ text ~ ", r'([+-][0-9]{2}):?[0-9]{2}$')" -%}
  {%- set minutes = "coalesce(60 * safe_cast(" ~ zone ~ " as int64) + safe_cast(concat(substr(" ~ zone ~ ", 1, 1), substr(" ~ text
    ~ ", -2)) as int64), 0)" -%}
  {{- return(
    "case when regexp_contains(" ~ text ~ ", r'^" ~ profiles_sync.timestamp_pattern() ~ "$') then safe.timestamp_sub(" ~ local
    ~ ", interval " ~ minutes ~ " minute) end"
  ) -}}
{% endmacro %}

{#- Its timestamps have nanoseconds; every other engine's end at microseconds. -#}
{% macro snowflake__text_timestamp(text) %}
  {%- set moment = "date_trunc('microsecond', cast(convert_timezone('UTC', try_to_timestamp_tz(" ~ text ~ ")) as timestamp_ntz))" -%}
  {{- return(
    "case when regexp_like(" ~ text ~ ", '" ~ profiles_sync.timestamp_pattern() ~ "') and " ~ moment
    ~ " between cast('0001-01-01 00:00:00' as timestamp_ntz) and cast('9999-12-31 23:59:59.999999' as timestamp_ntz) then " ~ moment ~ " end"
  ) -}}
{% endmacro %}
