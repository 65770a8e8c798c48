{#- Subquery with the identifiers that limits and caps refused, and why. Only now is known what every profile held right before each event: the
    events that refused something are judged again, identifier by identifier, against that. -#}
{% macro identity_refusals(batch) %}
  {%- set settings = batch.settings -%}
  {%- set stride = profiles_sync.identity_stride() -%}
  {%- set windows = profiles_sync.has_windows(settings) -%}
  with rules as (
    {{ profiles_sync.identity_rules(settings) }}
  ),
  resolved as (
    select event_no, n from work_steps where kind = 'resolved'
  ),
  refused as (
    {%- if not batch.forest %}
    select event_no from resolved where n = 1
    {%- else %}
    {#- Refused in its round, in that of the first event of its set, or by pruning. #}
    select events.event_no
    from work_events as events
    left join resolved on resolved.event_no = events.event_no
    left join resolved as firsts on firsts.event_no = events.set_no
    left join (select distinct set_no from work_links where refused = 1) as pruned on pruned.set_no = events.set_no
    where coalesce(resolved.n, firsts.n, case when pruned.set_no is not null then 1 end) = 1
    {%- endif %}
  ),
  touches as (
    select
      events.event_no,
      events.clock_ms,
      identifiers.rank_no,
      identifiers.external_id_type,
      identifiers.external_id_value,
      coalesce(identifiers.node, identifiers.label) as element
    from refused
    inner join work_events as events on events.event_no = refused.event_no
    inner join work_identifiers as identifiers on identifiers.set_no = events.set_no and identifiers.status = 'ok'
  ),
  joined as (
    {#- What came to which label and when: the profiles that there were at the start, and what the batch created and added. #}
    select
      'start' as kind,
      element,
      cast(0 as {{ profiles_sync.column_type('bigint') }}) as event_no,
      cast(0 as {{ profiles_sync.column_type('bigint') }}) as clock_ms,
      cast(null as {{ profiles_sync.column_type('text') }}) as external_id_type,
      element as node
    from work_sizes
    where check_name = 'MERGE'
    union all
    select kind, element, event_no, clock_ms, external_id_type, node from work_steps where kind in ('added', 'created')
  ),
  placed as (
    {#- Where each identifier stood right before its event; NULL: nobody owned it. #}
    select
      event_no,
      clock_ms,
      rank_no,
      external_id_type,
      external_id_value,
      element,
      node,
      row_number() over (partition by event_no, coalesce(node, element) order by rank_no) as occurrence
    from (
      select
        touches.event_no,
        touches.clock_ms,
        touches.rank_no,
        touches.external_id_type,
        touches.external_id_value,
        touches.element,
        coalesce(moves.canonical, joined.node) as node
      from touches
      left join joined on joined.element = touches.element and joined.event_no < touches.event_no
      {{ profiles_sync.join_last_move('joined.node', 'touches.event_no - 1') }}
    ) as stands
  ),
  asked as (
    select distinct node from placed where node is not null
  ),
  stays as (
    {#- The labels that came to a profile that is asked about, and when: it was joined itself, or what was joined moved to it. #}
    select joined.kind, joined.element, joined.external_id_type, joined.clock_ms as added_ms, joined.node, joined.event_no, joined.clock_ms
    from joined
    inner join asked on asked.node = joined.node
    {{ profiles_sync.join_last_move('joined.node', 'joined.event_no') }}
    where moves.profile is null
    union all
    select
      joined.kind,
      joined.element,
      joined.external_id_type,
      joined.clock_ms as added_ms,
      moves.canonical as node,
      case when moves.event_no > joined.event_no then moves.event_no else joined.event_no end as event_no,
      case when moves.event_no > joined.event_no then events.clock_ms else joined.clock_ms end as clock_ms
    from work_moves as moves
    inner join asked on asked.node = moves.canonical
    inner join work_events as events on events.event_no = moves.event_no
    inner join joined on joined.node = moves.profile and joined.event_no < moves.until_no
  ),
  gains as (
    select stays.node, stays.event_no, stays.clock_ms, sizes.check_name, sizes.added_ms, sizes.n
    from stays
    inner join work_sizes as sizes on sizes.element = stays.element
    where stays.kind = 'start'
    union all
    select node, event_no, clock_ms, 'MERGE', cast(null as {{ profiles_sync.column_type('bigint') }}), 1 from stays where kind = 'created'
    union all
    select node, event_no, clock_ms, 'MAPPING', cast(null as {{ profiles_sync.column_type('bigint') }}), 1 from stays where kind = 'added'
    union all
    select
      stays.node,
      stays.event_no,
      stays.clock_ms,
      stays.external_id_type,
      case when {{ profiles_sync.rule_window_ms(settings, 'rules') }} is not null then stays.added_ms end,
      1
    from stays
    left join rules on rules.external_id_type = stays.external_id_type
    where stays.kind = 'added'
  ),
  sums as (
    {#- What a profile held is a running sum over its timeline: what it gains, by creation, addition and merge, and what slides out. #}
    select
      node,
      check_name,
      event_no,
      asks,
      sum(n) over (partition by node, check_name order by clock_ms, event_no, asks desc rows between unbounded preceding and current row) as n
    from (
      select node, check_name, clock_ms, event_no, 0 as asks, sum(n) as n from gains
      {%- if windows %}
      left join rules on rules.external_id_type = gains.check_name
      where gains.added_ms is null or gains.added_ms > gains.clock_ms - {{ profiles_sync.rule_window_ms(settings, 'rules') }}
      {%- endif %}
      group by node, check_name, clock_ms, event_no
      {%- if windows %}
      union all
      select
        node,
        check_name,
        gone_ms as clock_ms,
        cast(0 as {{ profiles_sync.column_type('bigint') }}) as event_no,
        0 as asks,
        -sum(n) as n
      from (
        select gains.node, gains.check_name, gains.added_ms + {{ profiles_sync.rule_window_ms(settings, 'rules') }} as gone_ms, gains.n
        from gains
        left join rules on rules.external_id_type = gains.check_name
        where gains.added_ms > gains.clock_ms - {{ profiles_sync.rule_window_ms(settings, 'rules') }}
      ) as leaving
      group by node, check_name, gone_ms
      {%- endif %}
      union all
      select placed.node, checks.check_name, placed.clock_ms, placed.event_no, 1 as asks, 0 as n
      from placed
      inner join (select distinct node, check_name from gains) as checks on checks.node = placed.node
      where placed.occurrence = 1
    ) as timeline
  ),
  parts as (
    select placed.event_no, placed.rank_no, sums.check_name, sums.n, 1 as held
    from placed
    inner join sums on sums.node = placed.node and sums.event_no = placed.event_no and sums.asks = 1
    where placed.occurrence = 1
    union all
    select event_no, rank_no, external_id_type as check_name, 1 as n, 0 as held from placed where node is null
    union all
    select event_no, rank_no, 'MAPPING' as check_name, 1 as n, 0 as held from placed where node is null
  ),
  {{ profiles_sync.prefix_breaches(settings) }},
  reasons as (
    {#- From the first rank that breaks a check on, every identifier was taken off, the last first, for the first check that its prefix breaks. #}
    select
      placed.event_no,
      placed.external_id_type,
      placed.external_id_value,
      breaches.check_name,
      {{ profiles_sync.rule_limit(settings, 'rules') }} as value_limit,
      {{ profiles_sync.rule_window(settings, 'rules') }} as limit_window,
      row_number() over (
        partition by placed.event_no, placed.rank_no
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
    external_id_type,
    external_id_value,
    {{ profiles_sync.text_column("case
      when check_name = 'MERGE' then 'profile_merge_limit_exceeded'
      when check_name = 'MAPPING' then 'identifier_mapping_limit_exceeded'
      when limit_window = 'ever' then 'identifier_value_limit_exceeded'
      else 'identifier_value_time_limit_exceeded'
    end") }} as violation,
    case check_name when 'MERGE' then {{ settings.merge_cap }} when 'MAPPING' then {{ settings.mapping_cap }} else value_limit end as limit_value,
    case when check_name not in ('MERGE', 'MAPPING') then limit_window end as limit_window
  from reasons
  where first_reason = 1
  union all
  {#- Of those kept, one that is still free after the event found the mapping cap full. #}
  select
    placed.event_no,
    placed.external_id_type,
    placed.external_id_value,
    'identifier_mapping_limit_exceeded' as violation,
    {{ settings.mapping_cap }} as limit_value,
    cast(null as {{ profiles_sync.column_type('text') }}) as limit_window
  from placed
  left join (select event_no, min(rank_no) as rank_no from breaches group by event_no) as cuts on cuts.event_no = placed.event_no
  left join work_steps as added
    on added.kind = 'added' and added.event_no = placed.event_no and added.element = placed.element
  where placed.node is null and added.event_no is null and (cuts.rank_no is null or placed.rank_no < cuts.rank_no)
{% endmacro %}
