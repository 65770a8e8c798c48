{#- Text whose order is that of writes about traits: the earlier of `timestamp` and `received_at` in microseconds (16 digits; all nines for a
    blank path, where only the order of processing counts), then `event_no` (12). `writes` is an alias of rows of `trait_writes`. -#}
{% macro write_key(writes) %}
  {%- set moment = writes ~ '.' ~ profiles_sync.quote_column('timestamp') -%}
  {%- set key = profiles_sync.concat_text([
    'case when ' ~ writes ~ ".raw_path = '' then '9999999999999999' else " ~ profiles_sync.zero_padded(profiles_sync.epoch_us(
      'case when ' ~ moment ~ ' < ' ~ writes ~ '.received_at then ' ~ moment ~ ' else ' ~ writes ~ '.received_at end'
    ), 16) ~ ' end',
    profiles_sync.zero_padded(writes ~ '.event_no', 12),
  ]) -%}
  {#- The text of a number is as that of a literal. -#}
  {{- return('cast(' ~ profiles_sync.text_column(key) ~ ' as ' ~ profiles_sync.column_type('id') ~ ')') -}}
{% endmacro %}
