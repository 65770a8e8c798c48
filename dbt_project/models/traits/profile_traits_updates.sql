{#- A snapshot is the running maximum, per trait, of what had become visible at the profile by then. Changes and snapshots of a profile stand
    in one row per event; what it had before the slice stands at event 0. -#}
{{ config(materialized='append_events', unique_key='id', indexes=[['segment_id'], ['seq']]) }}
{%- set slice = profiles_sync.event_slice(made_of='profile_trait_changes') %}
{%- set columns = profiles_sync.selected_columns('profile_traits_updates', profiles_sync.registered_columns('profile_traits'), slice) %}
{%- set sure = profiles_sync.sure_columns(columns) %}
{%- set types = profiles_sync.column_types_of(columns) %}
{%- set fixed = [
  'id', 'segment_id', 'seq', 'uuid_ts', 'timestamp', 'received_at', 'triggering_event_id', 'triggering_event_name',
  'triggering_event_type', 'triggering_event_source_name', 'triggering_event_source_id', 'triggering_event_source_slug',
] %}
{{ profiles_sync.slice_header(slice, types, fixed + types.keys() | list) }}
select
  {{ profiles_sync.row_id('profile_traits_updates', ['snapshots.seq']) }} as id,
  profiles.segment_id,
  snapshots.seq,
  {{ profiles_sync.sync_uuid_ts() }} as uuid_ts,
  events.{{ profiles_sync.quote_column('timestamp') }},
  events.received_at,
  events.message_id as triggering_event_id,
  events.event_name as triggering_event_name,
  events.type as triggering_event_type,
  events.source_name as triggering_event_source_name,
  events.source_id as triggering_event_source_id,
  events.source_slug as triggering_event_source_slug
  {%- for column in columns %},
  {%- set value = profiles_sync.json_as('snapshots.value_' ~ loop.index0, column.type, column.nested) %}
  {%- set value = profiles_sync.if_fitting(loop.index, sure, 'snapshots', value) %}
  {{ profiles_sync.null_within(column.gaps, 'snapshots.event_no', value) }} as {{ profiles_sync.quote_column(column.name) }}
  {%- endfor %}
from {% set snapshots %}(
  select
    running.event_no,
    running.owner_no,
    {{ profiles_sync.seq('clock') }} as seq
    {%- for column in columns %},
    {{ profiles_sync.trait_cell_value('running.cell_' ~ loop.index0) }} as value_{{ loop.index0 }}
    {%- endfor %}
  from (
    select
      steps.event_no,
      steps.owner_no,
      steps.is_snapshot
      {%- for column in columns %},
      max({{ profiles_sync.bytewise('steps.cell_' ~ loop.index0) }}) over (
        partition by steps.owner_no order by steps.event_no rows between unbounded preceding and current row
      ) as cell_{{ loop.index0 }}
      {%- endfor %}
    from (
      select
        parts.event_no,
        parts.owner_no,
        max(parts.is_snapshot) as is_snapshot
        {%- for column in columns %},
        max({{ profiles_sync.bytewise('case when parts.column_name = ' ~ profiles_sync.text_literal(column.name) ~ ' then parts.cell end') }}) as cell_{{ loop.index0 }}
        {%- endfor %}
      from (
        select asked.event_no, asked.owner_no, 1 as is_snapshot, cast(null as {{ profiles_sync.column_type('text') }}) as column_name,
          cast(null as {{ profiles_sync.column_type('text') }}) as cell
        from {{ profiles_sync.trait_snapshots(slice) }} as asked
        union all
        select
          case when changes.event_no > {{ slice.after }} then changes.event_no else 0 end as event_no,
          changes.owner_no,
          0 as is_snapshot,
          decided.column_name,
          {{ profiles_sync.trait_cell('changes', 'decided') }} as cell
        from {{ ref('profiles_sync', 'profile_trait_changes') }} as changes
        inner join (select distinct asked.owner_no from {{ profiles_sync.trait_snapshots(slice) }} as asked) as owners
          on owners.owner_no = changes.owner_no
        inner join {{ profiles_sync.trait_columns() }} as decided on decided.raw_path = changes.raw_path
        where changes.event_no <= {{ slice.upto }}
      ) as parts
      group by parts.event_no, parts.owner_no
    ) as steps
  ) as running
  inner join (
    select event_no, clock_ms, 1 as row_no
    from {{ profiles_sync.contract_relation('identity_events') }}
    where event_no > {{ slice.after }} and event_no <= {{ slice.upto }}
  ) as clock on clock.event_no = running.event_no
  where running.is_snapshot = 1{{ profiles_sync.outside_of(slice.gaps, 'running.event_no') }}
  {{ profiles_sync.evaluate_once() }}
){% endset %}
{{- profiles_sync.with_fitting(snapshots, columns, sure) }} as snapshots
inner join {{ profiles_sync.contract_relation('identity_profiles') }} as profiles on profiles.profile_no = snapshots.owner_no
inner join {{ ref('profiles_sync', 'stg_events') }} as events
  on events.event_no = snapshots.event_no and events.event_no > {{ slice.after }} and events.event_no <= {{ slice.upto }}{{ profiles_sync.landing_days('events', slice) }}
