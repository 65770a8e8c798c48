{#- A trait changes hands when the write that decides about it became visible at its profile in this slice; the traits of a profile that
    merged in it are taken away. -#}
{{ config(materialized='current_state', unique_key='id', indexes=[['canonical_segment_id']], meta={'deletes': true}) }}
{%- set slice = profiles_sync.event_slice(made_of='profile_trait_changes') %}
{%- set changes = ref('profiles_sync', 'profile_trait_changes') %}
{{ profiles_sync.slice_header(slice) }}
select
  profiles.segment_id as canonical_segment_id,
  traits.column_name as name,
  {{ profiles_sync.trait_text('traits.value') }} as value,
  traits.seq,
  traits.received_at,
  {{ profiles_sync.sync_uuid_ts() }} as uuid_ts,
  traits.{{ profiles_sync.quote_column('timestamp') }},
  {{ profiles_sync.row_id('user_traits', ['profiles.segment_id', 'traits.column_name']) }} as id,
  case when traits.is_moved = 1 or traits.value is null then 'delete' else 'upsert' end as _action
from (
  select
    decided.owner_no,
    decided.column_name,
    decided.received_at,
    decided.{{ profiles_sync.quote_column('timestamp') }},
    {{ profiles_sync.seq('decided') }} as seq,
    {{ profiles_sync.json_of_text('decided.value') }} as value,
    case when moves.profile_no is null then 0 else 1 end as is_moved
  from (
    select
      changes.owner_no,
      columns_of.column_name,
      changes.event_no as visible_no,
      changes.written_no as event_no,
      changes.clock_ms,
      1 as row_no,
      changes.received_at,
      changes.{{ profiles_sync.quote_column('timestamp') }},
      changes.value,
      row_number() over (
        partition by changes.owner_no, columns_of.column_name
        order by {{ profiles_sync.bytewise('changes.write_key') }} desc, columns_of.place, changes.event_no desc
      ) as age
    from {{ changes }} as changes
    inner join (
      select owner_no from {{ changes }} where event_no > {{ slice.after }} and event_no <= {{ slice.upto }}
      {{ profiles_sync.union_distinct() }}
      select profile_no as owner_no from {{ profiles_sync.trait_moves(slice) }} as merged
    ) as owners on owners.owner_no = changes.owner_no
    inner join {{ profiles_sync.trait_columns() }} as columns_of on columns_of.raw_path = changes.raw_path
    where changes.event_no <= {{ slice.upto }} and (columns_of.is_own = 1 or changes.value is null)
  ) as decided
  left join (select distinct merged.profile_no from {{ profiles_sync.trait_moves(slice) }} as merged) as moves
    on moves.profile_no = decided.owner_no
  where decided.age = 1 and (decided.visible_no > {{ slice.after }} or moves.profile_no is not null)
  {{ profiles_sync.evaluate_once() }}
) as traits
inner join {{ profiles_sync.contract_relation('identity_profiles') }} as profiles on profiles.profile_no = traits.owner_no
