{#- Step 7 begins the diary of the batch, `work_steps`: what happened, one row each, in rounds.
    `owner`: element belongs to profile `node` from this round on. `created`, `merged` (element, a profile, into node), `added` (element, an
    identifier, to node): the history. `resolved`: the event is done and belongs to `node`; n = 1 when something was refused. `left`: how
    many events are still open. -#}
{% macro identity_first_steps() %}
  select distinct
    'owner' as kind,
    0 as round_no,
    cast(null as bigint) as event_no,
    cast(null as bigint) as clock_ms,
    element,
    cast(null as {{ profiles_sync.column_type('text') }}) as external_id_type,
    element as node,
    cast(0 as bigint) as n
  from work_touches
  where mod(element, {{ profiles_sync.identity_stride() }}) = 0
{% endmacro %}

{#- Step 8, one round. Of every open event, the longest prefix of its identifiers that no limit refuses is kept; what is refused now stays
    refused, since profiles only grow. An event is ready when it is the earliest open one on all of the profiles and free identifiers that
    it keeps: nothing before it can change them any more, so what is decided now is what one event after another would decide. -#}
{% macro identity_round(batch, round_no) %}
  {%- set settings = batch.settings -%}
  {%- set stride = profiles_sync.identity_stride() -%}
  {%- set windows = profiles_sync.has_windows(settings) -%}
  with rules as (
    {{ profiles_sync.identity_rules(settings) }}
  ),
  owners as (
    select element, node
    from (
      select element, node, row_number() over (partition by element order by round_no desc) as newest
      from work_steps
      where kind = 'owner'
    ) as history
    where newest = 1
  ),
  element_sizes as (
    select element, check_name, added_ms, n from work_sizes
    union all
    select element, 'MERGE' as check_name, cast(null as bigint) as added_ms, 1 as n from owners where mod(element, {{ stride }}) = 0
    union all
    select element, 'MAPPING' as check_name, cast(null as bigint) as added_ms, 1 as n from work_steps where kind = 'added'
    union all
    select
      added.element,
      added.external_id_type as check_name,
      case when {{ profiles_sync.rule_window_ms(settings, 'rules') }} is not null then added.clock_ms end as added_ms,
      1 as n
    from work_steps as added
    left join rules on rules.external_id_type = added.external_id_type
    where added.kind = 'added'
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
    from work_touches as touches
    left join owners on owners.element = touches.element
    left join work_steps as done on done.kind = 'resolved' and done.event_no = touches.event_no
    where done.event_no is null
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
    select touches.event_no, touches.rank_no, sizes.check_name, sizes.n, 1 as held
    from open_touches as touches
    inner join node_sizes as sizes on sizes.node = touches.node
    where touches.occurrence = 1
    {%- if windows %}
    union all
    select touches.event_no, touches.rank_no, sizes.check_name, sum(sizes.n) as n, 1 as held
    from open_touches as touches
    inner join owners on owners.node = touches.node
    inner join element_sizes as sizes on sizes.element = owners.element
    left join rules on rules.external_id_type = sizes.check_name
    where touches.occurrence = 1 and sizes.added_ms > touches.clock_ms - {{ profiles_sync.rule_window_ms(settings, 'rules') }}
    group by touches.event_no, touches.rank_no, sizes.check_name
    {%- endif %}
    union all
    select event_no, rank_no, external_id_type as check_name, {{ 'n' if windows else '1' }} as n, 0 as held
    from {{ 'fresh' if windows else 'open_touches' }}
    {{ 'where node is null' if not windows }}
    union all
    select event_no, rank_no, 'MAPPING' as check_name, 1 as n, 0 as held
    from open_touches
    where node is null
  ),
  {{ profiles_sync.prefix_breaches(settings) }},
  kept as (
    select
      touches.event_no,
      touches.clock_ms,
      touches.rank_no,
      touches.external_id_type,
      touches.element,
      touches.node,
      touches.place,
      touches.occurrence,
      cuts.rank_no as cut_no
    from open_touches as touches
    left join (select event_no, min(rank_no) as rank_no from breaches group by event_no) as cuts on cuts.event_no = touches.event_no
    where cuts.rank_no is null or touches.rank_no < cuts.rank_no
  ),
  events as (
    select
      kept.event_no,
      min(kept.clock_ms) as clock_ms,
      min(kept.node) as oldest,
      max(kept.node) as newest,
      max(case when kept.cut_no is not null then 1 else 0 end) as refused,
      max(case when kept.rank_no = 1 then kept.node end) as first_node,
      sum(case when kept.node is null then 1 else 0 end) as fresh,
      sum(case when kept.occurrence = 1 then coalesce(sizes.n, 0) else 0 end) as mapped
    from kept
    left join node_sizes as sizes on sizes.node = kept.node and sizes.check_name = 'MAPPING'
    group by kept.event_no
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
        when oldest = newest and (fresh = 0 or (mapped >= {{ settings.mapping_cap }} and first_node is not null)) then 1 else 0
      end as idle
    from events
  ),
  queue as (
    select
      kept.event_no,
      min(kept.event_no) over (partition by kept.place) as first_event_no
      {%- if windows %}, coalesce(fresh.n, 1) as certain {%- endif %}
    from kept
    inner join judged on judged.event_no = kept.event_no and judged.idle = 0
    {%- if windows %}
    left join fresh on fresh.event_no = kept.event_no and fresh.rank_no = kept.rank_no
    {%- endif %}
  ),
  ready as (
    select
      judged.event_no,
      judged.clock_ms,
      judged.oldest,
      judged.refused,
      judged.fresh,
      judged.mapped,
      coalesce(judged.oldest, judged.event_no * {{ stride }}) as survivor
    from judged
    inner join (
      select event_no from queue group by event_no
      having min(first_event_no) = event_no {%- if windows %} and min(certain) = 1 {%- endif %}
    ) as firsts on firsts.event_no = judged.event_no
  ),
  additions as (
    select event_no, clock_ms, element, external_id_type, survivor
    from (
      select
        kept.event_no,
        kept.clock_ms,
        kept.element,
        kept.external_id_type,
        ready.survivor,
        ready.mapped,
        row_number() over (partition by kept.event_no order by kept.rank_no) as ordinal
      from kept
      inner join ready on ready.event_no = kept.event_no
      where kept.node is null
    ) as fresh_ones
    where mapped + ordinal <= {{ settings.mapping_cap }}
  ),
  losers as (
    select kept.event_no, kept.clock_ms, kept.node, ready.survivor
    from kept
    inner join ready on ready.event_no = kept.event_no
    where kept.occurrence = 1 and kept.node <> ready.survivor
  )
  {%- set no_number, no_type = 'cast(null as bigint)', 'cast(null as ' ~ profiles_sync.column_type('text') ~ ')' %}
  select 'owner' as kind, {{ round_no }} as round_no, event_no, clock_ms, element, {{ no_type }} as external_id_type, survivor as node, 0 as n
  from additions
  union all
  select 'owner', {{ round_no }}, losers.event_no, losers.clock_ms, owners.element, {{ no_type }}, losers.survivor, 0
  from losers
  inner join owners on owners.node = losers.node
  union all
  select 'owner', {{ round_no }}, event_no, clock_ms, survivor, {{ no_type }}, survivor, 0
  from ready
  where oldest is null
  union all
  select 'added', {{ round_no }}, event_no, clock_ms, element, external_id_type, survivor, 0
  from additions
  union all
  select 'merged', {{ round_no }}, event_no, clock_ms, node, {{ no_type }}, survivor, 0
  from losers
  union all
  select 'created', {{ round_no }}, event_no, clock_ms, survivor, {{ no_type }}, survivor, 0
  from ready
  where oldest is null
  union all
  select 'resolved', {{ round_no }}, event_no, clock_ms, {{ no_number }}, {{ no_type }}, survivor,
    case when refused = 1 or mapped + fresh > {{ settings.mapping_cap }} then 1 else 0 end
  from ready
  union all
  select 'resolved', {{ round_no }}, event_no, clock_ms, {{ no_number }}, {{ no_type }}, oldest,
    case when refused = 1 or fresh > 0 then 1 else 0 end
  from judged
  where idle = 1
  union all
  select 'left', {{ round_no }}, {{ no_number }}, {{ no_number }}, {{ no_number }}, {{ no_type }}, {{ no_number }},
    (select count(*) from judged) - (select count(*) from ready) - (select count(*) from judged where idle = 1)
{% endmacro %}
