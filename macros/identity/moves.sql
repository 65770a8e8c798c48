{#- `work_moves`, every change of a profile's canonical one: `profile` moves from `before` to `canonical` at `event_no`. A merge moves the
    loser and all that had been merged into it. The merges form a forest whose events grow towards the root, so a profile's moves are its
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
    coalesce(lag(canonical) over (partition by profile order by event_no), home) as before
  from families
{% endmacro %}

{#- Subquery with the identifiers added and the canonical profile that each belonged to right after its event. -#}
{% macro added_identifiers() %}
  (
    select
      steps.event_no,
      steps.clock_ms,
      steps.element,
      steps.external_id_type,
      coalesce(min(moves.canonical), min(steps.node)) as node
    from work_steps as steps
    left join work_moves as moves on moves.profile = steps.node and moves.event_no <= steps.event_no
    where steps.kind = 'added'
    group by steps.event_no, steps.clock_ms, steps.element, steps.external_id_type
  )
{% endmacro %}
