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
  {%- set moment = "timezone('UTC', cast(regexp_replace(" ~ text ~ ", '([.][0-9]{6})[0-9]+', E'\\\\1') as timestamptz))" -%}
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

{#- Its timestamps have nanoseconds; every other engine's end at microseconds. Of the forms it knows, those with a T have a colon in the zone. -#}
{% macro snowflake__text_timestamp(text) %}
  {%- set written = "regexp_replace(" ~ text ~ ", '([+-][0-9]{2})([0-9]{2})$', '\\\\1:\\\\2')" -%}
  {%- set moment = "date_trunc('microsecond', cast(convert_timezone('UTC', try_to_timestamp_tz(" ~ written ~ ", 'AUTO')) as timestamp_ntz))" -%}
  {{- return(
    "case when regexp_like(" ~ text ~ ", '" ~ profiles_sync.timestamp_pattern() ~ "') and " ~ moment
    ~ " between cast('0001-01-01 00:00:00' as timestamp_ntz) and cast('9999-12-31 23:59:59.999999' as timestamp_ntz) then " ~ moment ~ " end"
  ) -}}
{% endmacro %}

{#- No regular expressions, and its casts take more than these texts. The parts are taken out once, in inner queries. A zone that would lead
    out of the years 1 to 9999 is checked first, as adding to a timestamp fails there. -#}
{% macro sqlserver__text_timestamp(text) %}
  {%- set date_and_time = '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]' -%}
  {{- return(
    "(select case when times.moment is not null and times.zone_minutes is not null and times.microseconds is not null"
    ~ " and (times.day_text <> '0001-01-01' or times.zone_minutes <= times.minute_of_day)"
    ~ " and (times.day_text <> '9999-12-31' or times.minute_of_day - times.zone_minutes < 1440)"
    ~ " then dateadd(minute, -times.zone_minutes, dateadd(microsecond, times.microseconds, times.moment)) end"
    ~ " from (select parts.day_text,"
    ~ " case when parts.local_text like '" ~ date_and_time ~ "' then try_convert(datetime2(6), parts.local_text, 126) end as moment,"
    ~ " 60 * try_cast(substring(parts.local_text, 12, 2) as int) + try_cast(substring(parts.local_text, 15, 2) as int) as minute_of_day,"
    ~ " case when parts.zone_text = 'Z' then 0"
    ~ " when parts.zone_text like '[+-]0[0-9][0-5][0-9]' or parts.zone_text like '[+-]1[0-5][0-5][0-9]'"
    ~ " then case substring(parts.zone_text, 1, 1) when '-' then -1 else 1 end"
    ~ " * (60 * try_cast(substring(parts.zone_text, 2, 2) as int) + try_cast(substring(parts.zone_text, 4, 2) as int)) end as zone_minutes,"
    ~ " case when parts.fraction_text = '' then 0 when parts.fraction_text like '.[0-9]%' and parts.fraction_text not like '.%[^0-9]%'"
    ~ " and len(parts.fraction_text) <= 10 then try_cast(left(substring(parts.fraction_text, 2, 9) + '000000', 6) as int) end as microseconds"
    ~ " from (select left(cut.text_value, 10) as day_text, left(cut.text_value, 19) as local_text,"
    ~ " case when cut.zone_length = 6 then stuff(right(cut.text_value, 6), 4, 1, '') else right(cut.text_value, cut.zone_length) end as zone_text,"
    ~ " substring(cut.text_value, 20, case when len(cut.text_value) - 19 > cut.zone_length then len(cut.text_value) - 19 - cut.zone_length else 0 end)"
    ~ " as fraction_text from (select given.text_value, case when given.text_value like '%Z' then 1"
    ~ " when given.text_value like '%[+-][0-9][0-9]:[0-9][0-9]' then 6 else 5 end as zone_length"
    ~ " from (select " ~ profiles_sync.bytewise(text) ~ " as text_value) as given where len(given.text_value + '|') between 21 and 37) as cut) as parts) as times)"
  ) -}}
{% endmacro %}

{% macro synapse__text_timestamp(text) %}
  {{- return(profiles_sync.sqlserver__text_timestamp(text)) -}}
{% endmacro %}

{#- No cast gives NULL for a day that does not exist, so that is checked first; and the cast takes no zone of this form. -#}
{% macro redshift__text_timestamp(text) %}
  {%- set day = "cast(substring(" ~ text ~ ", 9, 2) as integer)" -%}
  {%- set last_day = "extract(day from last_day(cast(substring(" ~ text ~ ", 1, 7) || '-01' as date)))" -%}
  {%- set local = "cast(replace(substring(" ~ text ~ ", 1, 19), 'T', ' ') as timestamp)" -%}
  {%- set fraction = "cast(rpad(substring(regexp_substr(" ~ text ~ ", '[.][0-9]+'), 2, 6), 6, '0') as integer)" -%}
  {%- set zone = "regexp_substr(" ~ text ~ ", '[+-][0-9]{2}:?[0-9]{2}$')" -%}
  {%- set minutes = "case when right(" ~ text ~ ", 1) = 'Z' then 0 else 60 * cast(substring(" ~ zone ~ ", 1, 3) as integer) + cast(substring("
    ~ zone ~ ", 1, 1) || right(" ~ zone ~ ", 2) as integer) end" -%}
  {%- set moment = 'dateadd(minute, -(' ~ minutes ~ '), dateadd(microsecond, ' ~ fraction ~ ', ' ~ local ~ '))' -%}
  {{- return(
    "case when regexp_instr(" ~ text ~ ", '^" ~ profiles_sync.timestamp_pattern() ~ "$', 1, 1, 0, 'p') > 0 then case when " ~ day ~ ' <= ' ~ last_day
    ~ " then case when " ~ moment ~ " between cast('0001-01-01 00:00:00' as timestamp) and cast('9999-12-31 23:59:59.999999' as timestamp) then "
    ~ moment ~ ' end end end'
  ) -}}
{% endmacro %}
