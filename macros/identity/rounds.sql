{#- `work_steps`, the diary of the batch: what happened, one row each, in rounds.
    `owner`: the element belongs to profile `node` from this round on. `created`, `merged` (element, a profile, into node), `added` (element,
    an identifier, to node): the history. `resolved`: the event is done and belongs to `node`; n = 1 when something was refused. -#}
{% macro step_row(kind, round_no, source, event_no='null', clock_ms='null', element='null', external_id_type='null', node='null', n='0') %}
  select
    '{{ kind }}' as kind,
    {{ round_no }} as round_no,
    cast({{ event_no }} as {{ profiles_sync.column_type('bigint') }}) as event_no,
    cast({{ clock_ms }} as {{ profiles_sync.column_type('bigint') }}) as clock_ms,
    cast({{ element }} as {{ profiles_sync.column_type('bigint') }}) as element,
    cast({{ external_id_type }} as {{ profiles_sync.column_type('text') }}) as external_id_type,
    cast({{ node }} as {{ profiles_sync.column_type('bigint') }}) as node,
    cast({{ n }} as {{ profiles_sync.column_type('bigint') }}) as n
  {{ source }}
{% endmacro %}

{#- Before the first round, every profile that an open event touches belongs to itself. -#}
{% macro first_owners() -%}
    select distinct element, element as node from work_open where {{ profiles_sync.modulo('element', profiles_sync.identity_stride()) }} = 0
{%- endmacro %}

{#- One round over the open events: each keeps the identifiers that no limit refuses, and may act when it is the earliest open event on all
    their places (a profile, or an identifier that nobody owns), for nothing before it can change them; or on all but one, its hub, when all
    earlier events on the hub act too. -#}
{% macro identity_round(batch, round_no) %}
  {%- set settings = batch.settings -%}
  {%- set stride = profiles_sync.identity_stride() -%}
  {%- set windows = profiles_sync.has_windows(settings) -%}
  {%- set infinity = profiles_sync.identity_infinity() -%}
  with rules as (
    {{ profiles_sync.identity_rules(settings) }}
  ),
  owners as (
    {%- if round_no == 1 %}
    {{ profiles_sync.first_owners() }}
    {%- else %}
    select element, node
    from (
      select element, node, row_number() over (partition by element order by round_no desc) as newest
      from work_steps
      where kind = 'owner'
    ) as history
    where newest = 1
    {%- endif %}
  ),
  element_sizes as (
    {{ 'select element, check_name, added_ms, n from work_sizes' if round_no == 1 else profiles_sync.element_sizes(settings) }}
  ),
  node_sizes as (
    select owners.node, sizes.check_name, sum(sizes.n) as n
    from owners
    inner join element_sizes as sizes on sizes.element = owners.element
    where sizes.added_ms is null
    group by owners.node, sizes.check_name
  ),
  open_touches as (
    select
      touches.event_no,
      touches.clock_ms,
      touches.rank_no,
      touches.external_id_type,
      touches.element,
      owners.node,
      coalesce(owners.node, touches.element) as place,
      row_number() over (partition by touches.event_no, coalesce(owners.node, touches.element) order by touches.rank_no) as occurrence
    from work_open as touches
    left join owners on owners.element = touches.element
    {%- if round_no > 1 %}
    left join (select event_no from work_steps where kind = 'resolved') as done on done.event_no = touches.event_no
    where done.event_no is null
    {%- endif %}
  ),
  {%- if windows %}
  {#- A free identifier of a sliding type counts only if it cannot have been added, and have slid out again, before this event. #}
  fresh as (
    select
      touches.event_no,
      touches.rank_no,
      touches.external_id_type,
      case
        when {{ profiles_sync.rule_window_ms(settings, 'rules') }} is null
          or min(touches.clock_ms) over (partition by touches.element) > touches.clock_ms - {{ profiles_sync.rule_window_ms(settings, 'rules') }}
          or min(touches.event_no) over (partition by touches.element) = touches.event_no
          then 1
        else 0
      end as n
    from open_touches as touches
    left join rules on rules.external_id_type = touches.external_id_type
    where touches.node is null
  ),
  {%- endif %}
  parts as (
    select touches.event_no, touches.rank_no, touches.place, sizes.check_name, sizes.n, 1 as held
    from open_touches as touches
    inner join node_sizes as sizes on sizes.node = touches.node
    where touches.occurrence = 1
    {%- if windows %}
    union all
    select touches.event_no, touches.rank_no, touches.place, sizes.check_name, sum(sizes.n) as n, 1 as held
    from open_touches as touches
    inner join owners on owners.node = touches.node
    inner join element_sizes as sizes on sizes.element = owners.element
    left join rules on rules.external_id_type = sizes.check_name
    where touches.occurrence = 1 and sizes.added_ms > touches.clock_ms - {{ profiles_sync.rule_window_ms(settings, 'rules') }}
    group by touches.event_no, touches.rank_no, touches.place, sizes.check_name
    union all
    select touches.event_no, touches.rank_no, touches.element as place, touches.external_id_type as check_name, fresh.n, 0 as held
    from open_touches as touches
    inner join fresh on fresh.event_no = touches.event_no and fresh.rank_no = touches.rank_no
    {%- else %}
    union all
    select event_no, rank_no, element as place, external_id_type as check_name, 1 as n, 0 as held
    from open_touches
    where node is null
    {%- endif %}
    union all
    select event_no, rank_no, element as place, 'MAPPING' as check_name, 1 as n, 0 as held
    from open_touches
    where node is null
  ),
  {{ profiles_sync.prefix_breaches(settings) }},
  kept as (
    {#- The longest prefix that no limit refuses. What is refused now stays refused: profiles only grow, and a sliding limit is judged by the
        event's own clock. #}
    select
      touches.event_no,
      touches.clock_ms,
      touches.rank_no,
      touches.external_id_type,
      touches.element,
      touches.node,
      touches.place,
      touches.occurrence,
      case when cuts.rank_no is not null then 1 else 0 end as refused
    from open_touches as touches
    left join (select event_no, min(rank_no) as rank_no from breaches group by event_no) as cuts on cuts.event_no = touches.event_no
    where cuts.rank_no is null or touches.rank_no < cuts.rank_no
  ),
  judged as (
    select
      event_no,
      clock_ms,
      oldest,
      refused,
      fresh,
      mapped,
      {#- One profile and nothing to add to it: nothing free, or no room. Were the best identifier free, it could find another owner yet. #}
      case
        when oldest = youngest and (fresh = 0 or (mapped >= {{ settings.mapping_cap }} and first_node is not null)) then 1 else 0
      end as idle
    from (
      select
        kept.event_no,
        min(kept.clock_ms) as clock_ms,
        min(kept.node) as oldest,
        max(kept.node) as youngest,
        max(kept.refused) as refused,
        max(case when kept.rank_no = 1 then kept.node end) as first_node,
        sum(case when kept.node is null then 1 else 0 end) as fresh,
        sum(case when kept.occurrence = 1 then coalesce(sizes.n, 0) else 0 end) as mapped
      from kept
      left join node_sizes as sizes on sizes.node = kept.node and sizes.check_name = 'MAPPING'
      group by kept.event_no
    ) as events
  ),
  claims as (
    {#- One row for each place of each event that is not done: whether an earlier one claims the place, and which comes next. #}
    select
      kept.event_no,
      kept.rank_no,
      kept.place,
      kept.node,
      min(kept.event_no) over (partition by kept.place) as first_event_no,
      lead(kept.event_no) over (partition by kept.place order by kept.event_no) as next_event_no
      {%- if windows %},
      coalesce(fresh.n, 1) as certain
      {%- endif %}
    from kept
    inner join judged on judged.event_no = kept.event_no and judged.idle = 0
    {%- if windows %}
    left join fresh on fresh.event_no = kept.event_no and fresh.rank_no = kept.rank_no
    {%- endif %}
    where kept.occurrence = 1
  ),
  hubs as (
    select
      event_no,
      case
        {%- if windows %}
        when min(certain) = 0 then null
        {%- endif %}
        when sum(case when first_event_no < event_no then 1 else 0 end) = 0 then min(case when rank_no = 1 then place end)
        when sum(case when first_event_no < event_no then 1 else 0 end) = 1 then min(case when first_event_no < event_no then place end)
      end as hub
    from claims
    group by event_no
  ),
  strangers as (
    {#- The first event on a place that does not have it as its hub: the group around the place ends before it. #}
    select claims.place, min(claims.event_no) as event_no
    from claims
    inner join hubs on hubs.event_no = claims.event_no
    where hubs.hub is null or hubs.hub <> claims.place
    group by claims.place
  ),
  members as (
    select
      hubs.hub,
      hubs.event_no,
      row_number() over (partition by hubs.hub order by hubs.event_no) as member_no
    from hubs
    left join strangers on strangers.place = hubs.hub
    where hubs.hub is not null and (strangers.event_no is null or hubs.event_no < strangers.event_no)
  ),
  stops as (
    {#- Where a group ends: at an event that exceeds a limit (the first alone is judged exactly, the others add up), or that comes after the
        next claim on an earlier member's own place. #}
    select hub, min(event_no) as event_no
    from (
      select growth.hub, growth.event_no
      from (
        select
          amounts.hub,
          amounts.event_no,
          amounts.member_no,
          amounts.check_name,
          sum(amounts.n) over (
            partition by amounts.hub, amounts.check_name order by amounts.event_no rows between unbounded preceding and current row
          ) as total
        from (
          select
            members.hub,
            members.event_no,
            members.member_no,
            parts.check_name,
            sum(case when parts.place <> members.hub or members.member_no = 1 then parts.n else 0 end) as n
          from members
          inner join parts on parts.event_no = members.event_no
          inner join kept on kept.event_no = parts.event_no and kept.rank_no = parts.rank_no
          group by members.hub, members.event_no, members.member_no, parts.check_name
          union all
          {#- The profile that a first member without any creates. #}
          select members.hub, members.event_no, members.member_no, 'MERGE' as check_name, 1 as n
          from members
          inner join judged on judged.event_no = members.event_no and judged.oldest is null
          where members.member_no = 1
        ) as amounts
      ) as growth
      left join rules on rules.external_id_type = growth.check_name
      where growth.member_no > 1 and growth.total > {{ profiles_sync.check_limit(settings, 'growth.check_name', 'rules') }}
      union all
      select claimed.hub, claimed.event_no
      from (
        select
          members.hub,
          members.event_no,
          min(own.next_event_no) over (
            partition by members.hub order by members.event_no rows between unbounded preceding and 1 preceding
          ) as claimed_no
        from members
        left join (
          select claims.event_no, min(claims.next_event_no) as next_event_no
          from claims
          inner join hubs on hubs.event_no = claims.event_no and hubs.hub <> claims.place
          group by claims.event_no
        ) as own on own.event_no = members.event_no
      ) as claimed
      where claimed.claimed_no <= claimed.event_no
    ) as ends
    group by hub
  ),
  acting as (
    {#- They act in order: the oldest profile so far is the canonical one, younger ones merge into it, free identifiers are added to it. A first
        member without any profile creates one. #}
    select
      hub,
      event_no,
      clock_ms,
      refused,
      fresh,
      mapped,
      member_no,
      creates,
      min(brings) over (partition by hub order by event_no rows between unbounded preceding and current row) as canonical,
      min(brings) over (partition by hub order by event_no rows between unbounded preceding and 1 preceding) as canonical_before,
      min(brings) over (partition by hub) as finally
    from (
      select
        members.hub,
        members.event_no,
        members.member_no,
        judged.clock_ms,
        judged.refused,
        judged.fresh,
        judged.mapped,
        case when members.member_no = 1 and judged.oldest is null then 1 else 0 end as creates,
        case when members.member_no = 1 and judged.oldest is null then members.event_no * {{ stride }} else judged.oldest end as brings
      from members
      inner join judged on judged.event_no = members.event_no
      left join stops on stops.hub = members.hub
      where stops.event_no is null or members.event_no < stops.event_no
    ) as brought
  ),
  losers as (
    select acting.event_no, acting.clock_ms, claims.node as element, acting.canonical, acting.finally
    from acting
    inner join claims on claims.event_no = acting.event_no
    where claims.node <> acting.canonical and (claims.place <> acting.hub or acting.member_no = 1)
    {{ profiles_sync.union_distinct() }}
    select event_no, clock_ms, canonical_before as element, canonical, finally
    from acting
    where canonical_before <> canonical
  ),
  additions as (
    {#- The mapping cap only ever stops a first member: the totals of a later one are within it. #}
    select event_no, clock_ms, element, external_id_type, canonical, finally
    from (
      select
        acting.event_no,
        acting.clock_ms,
        kept.element,
        kept.external_id_type,
        acting.canonical,
        acting.finally,
        acting.member_no,
        acting.mapped,
        row_number() over (partition by kept.event_no order by kept.rank_no) as ordinal
      from acting
      inner join kept on kept.event_no = acting.event_no
      where kept.node is null and (kept.place <> acting.hub or acting.member_no = 1)
    ) as free_ones
    where member_no > 1 or mapped + ordinal <= {{ settings.mapping_cap }}
  )
  {%- if round_no == 1 %}
  {{ profiles_sync.step_row('owner', 0, 'from owners', element='element', node='node') }}
  union all
  {%- endif %}
  {{ profiles_sync.step_row('owner', round_no, 'from additions', element='element', node='finally') }}
  union all
  {{ profiles_sync.step_row('owner', round_no,
    'from (select distinct element, finally from losers) as losers inner join owners on owners.node = losers.element',
    element='owners.element', node='losers.finally') }}
  union all
  {{ profiles_sync.step_row('owner', round_no, 'from acting where creates = 1', element='event_no * ' ~ stride, node='finally') }}
  union all
  {{ profiles_sync.step_row('created', round_no, 'from acting where creates = 1',
    event_no='event_no', clock_ms='clock_ms', element='event_no * ' ~ stride, node='event_no * ' ~ stride) }}
  union all
  {{ profiles_sync.step_row('merged', round_no, 'from losers', event_no='event_no', clock_ms='clock_ms', element='element', node='canonical') }}
  union all
  {{ profiles_sync.step_row('added', round_no, 'from additions',
    event_no='event_no', clock_ms='clock_ms', element='element', external_id_type='external_id_type', node='canonical') }}
  union all
  {{ profiles_sync.step_row('resolved', round_no, 'from acting',
    event_no='event_no', clock_ms='clock_ms', node='canonical',
    n='case when refused = 1 or (member_no = 1 and mapped + fresh > ' ~ settings.mapping_cap ~ ') then 1 else 0 end') }}
  union all
  {{ profiles_sync.step_row('resolved', round_no, 'from judged where idle = 1',
    event_no='event_no', clock_ms='clock_ms', node='oldest', n='case when refused = 1 or fresh > 0 then 1 else 0 end') }}
{% endmacro %}
