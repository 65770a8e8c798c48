{#- Step 9, every change of a profile's canonical one: `profile` moves from `home` or its last canonical to `canonical` at `event_no`. A merge
    moves the loser and all that had been merged into it before. The merges form a forest whose events grow towards the root, so a
    profile's moves are its ancestors; pairs at distance d joined with pairs up to d give the pairs up to 2d. -#}
{% macro identity_first_moves() %}
  with merges as (
    select element as profile, node as canonical, event_no from work_steps where kind = 'merged'
  )
  select profile, canonical, event_no, 1 as distance from merges
  union all
  select first.profile, second.canonical, second.event_no, 2 as distance
  from merges as first
  inner join merges as second on second.profile = first.canonical
{% endmacro %}

{% macro identity_further_moves(distance) %}
  select first.profile, second.canonical, second.event_no, first.distance + second.distance as distance
  from work_ancestors as first
  inner join work_ancestors as second on second.profile = first.canonical
  where first.distance = {{ distance }}
{% endmacro %}

{#- The moves with those of the profiles merged in earlier batches, and where each stood before. -#}
{% macro identity_moves() %}
  {%- set stride = profiles_sync.identity_stride() -%}
  with all_moves as (
    select profile, profile as home, canonical, event_no from work_ancestors
    union all
    select moved.profile_no * {{ stride }} as profile, work_ancestors.profile as home, work_ancestors.canonical, work_ancestors.event_no
    from work_ancestors
    inner join {{ profiles_sync.contract_relation('identity_canonical') }} as moved
      on moved.canonical_no = {{ profiles_sync.profile_of('work_ancestors.profile') }}
  )
  select
    profile,
    canonical,
    event_no,
    coalesce(lag(canonical) over (partition by profile order by event_no), home) as before
  from all_moves
{% endmacro %}
