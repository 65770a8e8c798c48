{#- Subquery with the newest row of each identifier that this slice touched: mapped or removed in it, or moved with a profile that merged in
    it. `canonical_segment_id` is today's owner. -#}
{% macro changed_identifiers(slice) %}
  {%- set log = profiles_sync.contract_relation('identity_mapping_log') -%}
  {%- set within = 'event_no > ' ~ slice.after ~ ' and event_no <= ' ~ slice.upto -%}
  (
    select
      newest.event_no,
      newest.row_no,
      newest.clock_ms,
      newest.identifier_key,
      newest.external_id_type,
      newest.external_id_value,
      newest.operation,
      profiles.segment_id as canonical_segment_id
    from (
      select
        mapped.event_no,
        mapped.row_no,
        mapped.clock_ms,
        mapped.identifier_key,
        mapped.external_id_type,
        mapped.external_id_value,
        mapped.operation,
        mapped.profile_no,
        row_number() over (partition by mapped.identifier_key order by mapped.event_no desc, mapped.row_no desc) as age
      from {{ log }} as mapped
      inner join (
        select identifier_key from {{ log }} where {{ within }}
        {{ profiles_sync.union_distinct() }}
        select moved_with.identifier_key
        from {{ log }} as moved_with
        inner join {{ profiles_sync.contract_relation('identity_graph_log') }} as merging on merging.profile_no = moved_with.profile_no
        where merging.{{ within | replace('and event_no', 'and merging.event_no') }} and merging.profile_no <> merging.canonical_no
      ) as touched on touched.identifier_key = mapped.identifier_key
    ) as newest
    left join {{ profiles_sync.contract_relation('identity_canonical') }} as moved on moved.profile_no = newest.profile_no
    inner join {{ profiles_sync.contract_relation('identity_profiles') }} as profiles
      on profiles.profile_no = coalesce(moved.canonical_no, newest.profile_no)
    where newest.age = 1 and {{ profiles_sync.is_not_erased('newest.identifier_key') }}
  )
{% endmacro %}

{#- Subquery with the newest row of each profile that was created or moved in this slice, with the event that did it. -#}
{% macro changed_profiles(slice) %}
  (
    select
      newest.event_no,
      newest.row_no,
      newest.clock_ms,
      profiles.segment_id,
      canonical.segment_id as canonical_segment_id,
      events.received_at,
      events.{{ profiles_sync.quote_column('timestamp') }}
    from (
      select
        event_no,
        row_no,
        clock_ms,
        profile_no,
        canonical_no,
        row_number() over (partition by profile_no order by event_no desc, row_no desc) as age
      from {{ profiles_sync.contract_relation('identity_graph_log') }}
      where event_no > {{ slice.after }} and event_no <= {{ slice.upto }}
    ) as newest
    inner join {{ ref('profiles_sync', 'stg_events') }} as events
      on events.event_no = newest.event_no and events.event_no > {{ slice.after }} and events.event_no <= {{ slice.upto }}{{ profiles_sync.landing_days('events', slice) }}
    inner join {{ profiles_sync.contract_relation('identity_profiles') }} as profiles on profiles.profile_no = newest.profile_no
    inner join {{ profiles_sync.contract_relation('identity_profiles') }} as canonical on canonical.profile_no = newest.canonical_no
    where newest.age = 1
  )
{% endmacro %}

{#- The event that mapped an identifier, when it is one of this slice. An identifier that only moved keeps the times that its row has
    already (`first_written`), so that no older event is looked up. -#}
{% macro join_mapping_event(slice, alias) -%}
left join {{ ref('profiles_sync', 'stg_events') }} as events
  on events.event_no = {{ alias }}.event_no and events.event_no > {{ slice.after }} and events.event_no <= {{ slice.upto }}{{ profiles_sync.landing_days('events', slice) }}
{%- endmacro %}

{#- A column of that event, or what the row has already. -#}
{% macro first_written(events, present, column) %}
  {%- set fresh = events ~ '.' ~ profiles_sync.quote_column(column) -%}
  {{- return('coalesce(' ~ fresh ~ ', ' ~ present ~ '.' ~ profiles_sync.quote_column(column) ~ ')' if profiles_sync.is_built() else fresh) -}}
{% endmacro %}

{#- Whether the model's table exists already. -#}
{% macro is_built() %}
  {{- return(execute and load_relation(this) is not none) -}}
{% endmacro %}
