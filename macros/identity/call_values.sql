{#- CTEs up to `calls`: the value of each call at each location, '' for none, every payload parsed once; `external_ids` is the array of
    `context.externalIds` as text. An alias gives one identifier only, so it can match or create but never merge. `spelled` is all of these in
    one text, each with its length, so that no two lists look alike: one column to group and join by. -#}
{% macro call_values(batch, locations, columns, condition) %}
  {%- set paths = [['context', 'device', 'type'], ['context', 'device', 'adTrackingEnabled'], ['context', 'externalIds']] -%}
  {%- for location in locations if location.path and location.path not in paths -%}
    {%- do paths.append(location.path) -%}
  {%- endfor -%}
  {%- set json = [] -%}
  {%- for path in paths -%}
    {%- do json.append('taken.json_' ~ loop.index0) -%}
  {%- endfor -%}
  parsed as (
    select
      events.event_no,
      events.type,
      events.user_id,
      events.anonymous_id,
      {{ profiles_sync.json_paths('events.payload', paths) }} as found
    from {{ ref('profiles_sync', 'stg_events') }} as events
    where {{ condition }}
    {{ profiles_sync.evaluate_once() }}
  ),
  taken as (
    select
      parsed.event_no,
      parsed.type,
      parsed.user_id,
      parsed.anonymous_id
      {%- for path in paths %},
      {{ profiles_sync.json_path_value('parsed.found', paths, loop.index0) }} as json_{{ loop.index0 }}
      {%- endfor %}
    from parsed
    {{ profiles_sync.evaluate_once() }}
  ),
  texts as (
    select
      taken.event_no,
      taken.type,
      taken.user_id,
      taken.anonymous_id,
      {{ profiles_sync.ascii_lower(profiles_sync.identifier_text(json[0])) }} as platform,
      case when {{ profiles_sync.json_kind(json[1]) }} = 'boolean'
        and {{ profiles_sync.json_compact(json[1]) }} = 'true' then 1 else 0 end as ad_tracking,
      case when taken.type <> 'alias' and {{ profiles_sync.json_kind(json[2]) }} = 'array'
        then {{ profiles_sync.json_compact(json[2]) }} else '' end as external_ids
      {%- for value in json[3:] %},
      {{ profiles_sync.identifier_text(value) }} as text_{{ loop.index0 + 3 }}
      {%- endfor %}
    from taken
    {{ profiles_sync.evaluate_once() }}
  ),
  located as (
    select
      calls.event_no,
      {%- for location in locations %}
      {%- set value = 'calls.' ~ location.column if location.column else 'calls.text_' ~ paths.index(location.path) %}
      {%- set value = profiles_sync.normalized_value(batch.settings, location.type, value) %}
      {%- set conditions = [] %}
      {%- if location.condition %} {%- do conditions.append(location.condition) %} {%- endif %}
      {%- if location.column == 'anonymous_id' %}
        {%- do conditions.append(
          "(calls.type <> 'alias' or " ~ profiles_sync.normalized_value(batch.settings, 'user_id', 'calls.user_id') ~ ' is null)'
        ) %}
      {%- elif location.path %}
        {%- do conditions.append("calls.type <> 'alias'") %}
      {%- endif %}
      coalesce({{ 'case when ' ~ conditions | join(' and ') ~ ' then ' ~ value ~ ' end' if conditions else value }}, '') as value_{{ loop.index0 }},
      {%- endfor %}
      calls.external_ids
    from texts as calls
    {{ profiles_sync.evaluate_once() }}
  ),
  {%- set parts = [] %}
  {%- for column in columns %}
    {%- do parts.append(
      'case when ' ~ profiles_sync.null_if_empty(column) ~ " is null then ',' else " ~ profiles_sync.concat_filled([
        'cast(' ~ profiles_sync.text_length(column) ~ ' as ' ~ profiles_sync.column_type('text') ~ ')', "':'", column
      ]) ~ ' end'
    ) %}
  {%- endfor %}
  calls as (
    select event_no, {{ profiles_sync.column_list(columns) }}, {{ profiles_sync.concat_filled(parts) }} as spelled
    from located
  )
{% endmacro %}
