{#- Step 10, the identifiers that limits and caps refused, with the reason. Only now is known what every profile held right before each
    event: the events that refused something are judged again, identifier by identifier, against that. From the first rank that breaks a
    check on, every identifier was taken off, the last first; its reason is the first check in order that its prefix breaks.
    Of the identifiers kept, one that is still free after the event found the mapping cap full. -#}
{% macro identity_refusals(batch) %}
  {%- set settings = batch.settings -%}
  {%- set stride = profiles_sync.identity_stride() -%}
  {%- set windows = profiles_sync.has_windows(settings) -%}
  with rules as (
    {{ profiles_sync.identity_rules(settings) }}
  ),
  history as (
    {#- Who owns what from when on: the profiles that there were at the start, and what the batch created and added. #}
    select distinct element, cast(0 as bigint) as event_no, element as node
    from work_open
    where mod(element, {{ stride }}) = 0
    union all
    select element, event_no, node from work_steps where kind in ('added', 'created')
  ),
  sizes as (
    {{ profiles_sync.element_sizes(settings) }}
  ),
  timeline as (
    {#- What a canonical profile gained, and at which event. #}
    select history.node, history.event_no as event_no, sizes.check_name, sizes.added_ms, sizes.n
    from history
    inner join sizes on sizes.element = history.element
    union all
    select moves.canonical as node, moves.event_no, sizes.check_name, sizes.added_ms, sizes.n
    from history
    inner join sizes on sizes.element = history.element
    inner join work_moves as moves on moves.profile = history.node and moves.event_no > history.event_no
  ),
  suspects as (
    select
      touches.event_no,
      touches.clock_ms,
      touches.rank_no,
      touches.external_id_type,
      touches.element,
      touches.label,
      history.node as first_node,
      min(moves.canonical) as moved_to
    from work_open as touches
    inner join work_steps as done on done.kind = 'resolved' and done.n = 1 and done.event_no = touches.event_no
    left join history on history.element = touches.element and history.event_no < touches.event_no
    left join work_moves as moves on moves.profile = history.node and moves.event_no < touches.event_no
    group by touches.event_no, touches.clock_ms, touches.rank_no, touches.external_id_type, touches.element, touches.label, history.node
  ),
  placed as (
    select
      event_no,
      clock_ms,
      rank_no,
      external_id_type,
      element,
      label,
      coalesce(moved_to, first_node) as node,
      row_number() over (partition by event_no, coalesce(moved_to, first_node, element) order by rank_no) as occurrence
    from suspects
  ),
  parts as (
    select placed.event_no, placed.rank_no, timeline.check_name, sum(timeline.n) as n, 1 as held
    from placed
    inner join timeline on timeline.node = placed.node and timeline.event_no < placed.event_no
    {%- if windows %}
    left join rules on rules.external_id_type = timeline.check_name
    {%- endif %}
    where placed.occurrence = 1
    {%- if windows %} and (timeline.added_ms is null or timeline.added_ms > placed.clock_ms - {{ profiles_sync.rule_window_ms(settings, 'rules') }}) {%- endif %}
    group by placed.event_no, placed.rank_no, timeline.check_name
    union all
    select event_no, rank_no, external_id_type as check_name, 1 as n, 0 as held from placed where node is null
    union all
    select event_no, rank_no, 'MAPPING' as check_name, 1 as n, 0 as held from placed where node is null
  ),
  {{ profiles_sync.prefix_breaches(settings) }},
  reasons as (
    select
      placed.event_no,
      placed.label,
      breaches.check_name,
      {{ profiles_sync.rule_limit(settings, 'rules') }} as value_limit,
      {{ profiles_sync.rule_window(settings, 'rules') }} as limit_window,
      row_number() over (
        partition by placed.event_no, placed.label
        order by
          case breaches.check_name when 'MERGE' then 1 when 'MAPPING' then 2 else 3 end,
          coalesce(rules.priority_no, {{ profiles_sync.unranked_priority() }}),
          {{ profiles_sync.bytewise('breaches.check_name') }}
      ) as first_reason
    from placed
    inner join breaches on breaches.event_no = placed.event_no and breaches.rank_no <= placed.rank_no
    left join rules on rules.external_id_type = breaches.check_name
  )
  select
    event_no,
    label,
    case
      when check_name = 'MERGE' then 'profile_merge_limit_exceeded'
      when check_name = 'MAPPING' then 'identifier_mapping_limit_exceeded'
      when limit_window = 'ever' then 'identifier_value_limit_exceeded'
      else 'identifier_value_time_limit_exceeded'
    end as violation,
    case check_name when 'MERGE' then {{ settings.merge_cap }} when 'MAPPING' then {{ settings.mapping_cap }} else value_limit end as limit_value,
    case when check_name not in ('MERGE', 'MAPPING') then limit_window end as limit_window
  from reasons
  where first_reason = 1
  union all
  select
    placed.event_no,
    placed.label,
    'identifier_mapping_limit_exceeded' as violation,
    {{ settings.mapping_cap }} as limit_value,
    cast(null as {{ profiles_sync.column_type('text') }}) as limit_window
  from placed
  left join (select event_no, min(rank_no) as rank_no from breaches group by event_no) as cuts on cuts.event_no = placed.event_no
  left join work_steps as added on added.kind = 'added' and added.event_no = placed.event_no and added.element = placed.element
  where placed.node is null and added.event_no is null and (cuts.rank_no is null or placed.rank_no < cuts.rank_no)
{% endmacro %}
