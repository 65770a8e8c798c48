{#- Step 2, one row per processed event with the value found at each location, so that each payload is parsed once. `external_ids` is the
    array of `context.externalIds`. An alias gives one identifier only, so it can match or create but never merge. -#}
{% macro identity_call_values(batch, locations) %}
  {%- set paths = [['context', 'device', 'type'], ['context', 'device', 'adTrackingEnabled'], ['context', 'externalIds']] -%}
  {%- for location in locations if location.path -%}
    {%- if location.path not in paths -%} {%- do paths.append(location.path) -%} {%- endif -%}
  {%- endfor -%}
  {%- set json = [] -%}
  {%- for path in paths -%}
    {%- do json.append(profiles_sync.json_path_value('parsed.found', paths, loop.index0)) -%}
  {%- endfor -%}
  with parsed as (
    select
      raw.event_no,
      raw.type,
      raw.user_id,
      raw.anonymous_id,
      {{ profiles_sync.json_paths('raw.payload', paths) }} as found
    from {{ profiles_sync.contract_relation('raw_events') }} as raw
    inner join work_events as events on events.event_no = raw.event_no
    where raw.event_no > {{ batch.after }} and raw.event_no <= {{ batch.upto }} and events.outcome = 'processed'
    {{ profiles_sync.evaluate_once() }}
  ),
  calls as (
    select
      parsed.event_no,
      parsed.type,
      parsed.user_id,
      parsed.anonymous_id,
      {{ profiles_sync.ascii_lower(profiles_sync.identifier_text(json[0])) }} as platform,
      case when {{ profiles_sync.json_kind(json[1]) }} = 'boolean'
        and {{ profiles_sync.json_compact(json[1]) }} = 'true' then 1 else 0 end as ad_tracking,
      case when parsed.type <> 'alias' then {{ json[2] }} end as external_ids
      {%- for value in json[3:] %},
      {{ profiles_sync.identifier_text(value) }} as text_{{ loop.index0 + 3 }}
      {%- endfor %}
    from parsed
  )
  select
    calls.event_no,
    {%- for location in locations %}
    {%- set index = loop.index0 %}
    {%- set value = 'calls.' ~ location.column if location.column else 'calls.text_' ~ paths.index(location.path) %}
    {%- set value = profiles_sync.normalized_value(batch.settings, location.type, value) %}
    {%- set conditions = [] %}
    {%- if location.condition %} {%- do conditions.append(location.condition) %} {%- endif %}
    {%- if location.column == 'anonymous_id' %}
      {%- do conditions.append("(calls.type <> 'alias' or " ~ profiles_sync.normalized_value(batch.settings, 'user_id', 'calls.user_id') ~ ' is null)') %}
    {%- elif location.path %}
      {%- do conditions.append("calls.type <> 'alias'") %}
    {%- endif %}
    {% if conditions %}case when {{ conditions | join(' and ') }} then {{ value }} end{% else %}{{ value }}{% endif %} as value_{{ index }},
    {%- endfor %}
    calls.external_ids
  from calls
{% endmacro %}
