{#- `work_moves`, every change of a profile's canonical one: `profile` moves from `before` to `canonical` at `event_no`, where it stays up to
    the event before `until_no`. A merge moves the loser and all that had been merged into it. The merges form a forest whose events grow towards the root, so a profile's moves are its
    ancestors: pairs at most d apart, joined with the pairs exactly d apart, give the pairs at most 2d apart. -#}
{% macro identity_moves(steps) %}
  {%- set stride = profiles_sync.identity_stride() -%}
  with step_0 as (
    select element as profile, node as canonical, event_no, 1 as distance, case kind when 'joined' then 1 else 0 end as pointer
    from work_steps
    where kind in ('merged', 'joined')
  )
  {%- for step in range(1, steps + 1) %},
  step_{{ step }} as (
    select profile, canonical, event_no, distance, pointer from step_{{ step - 1 }}
    union all
    select far.profile, near.canonical, near.event_no, far.distance + near.distance as distance, far.pointer
    from step_{{ step - 1 }} as far
    inner join step_{{ step - 1 }} as near on near.profile = far.canonical
    where far.distance = {{ 2 ** (step - 1) }}
  )
  {%- endfor %},
  families as (
    select profile, profile as home, canonical, event_no, pointer from step_{{ steps }}
    union all
    select moved.profile_no * {{ stride }} as profile, moves.profile as home, moves.canonical, moves.event_no, moves.pointer
    from step_{{ steps }} as moves
    inner join {{ profiles_sync.contract_relation('identity_canonical') }} as moved
      on moved.canonical_no = {{ profiles_sync.profile_of('moves.profile') }}
  )
  select
    profile,
    canonical,
    event_no,
    pointer,
    coalesce(lag(canonical) over (partition by profile order by event_no), home) as before,
    coalesce(lead(event_no) over (partition by profile order by event_no), {{ profiles_sync.identity_infinity() }}) as until_no
  from families
{% endmacro %}

{#- Join of the move that a label's profile had made last by an event (`work_moves` as `moves`). -#}
{% macro join_last_move(label, event_no) -%}
  left join work_moves as moves on moves.profile = {{ label }} and moves.event_no <= {{ event_no }} and moves.until_no > {{ event_no }}
{%- endmacro %}

{#- Subquery with the identifiers added and the canonical profile that each belonged to right after its event. -#}
{% macro added_identifiers() %}
  (
    select steps.event_no, steps.clock_ms, steps.element, steps.external_id_type, coalesce(moves.canonical, steps.node) as node
    from work_steps as steps
    {{ profiles_sync.join_last_move('steps.node', 'steps.event_no') }}
    where steps.kind = 'added'
  )
{% endmacro %}
