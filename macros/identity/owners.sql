{#- Step 4, the distinct identifiers of the batch and who owns each now: `label` is the identifier's, `node` its owner's canonical profile
    or NULL. The first of the two look-ups into state, by 16-byte key; the newest row of a key tells whether it was removed. -#}
{% macro identity_owners(batch) %}
  with carried as (
    select
      external_id_type,
      external_id_value,
      min(event_no * {{ profiles_sync.identity_stride() }} + rank_no) as label
    from work_identifiers
    where status = 'ok'
    group by external_id_type, external_id_value
  ),
  keyed as (
    select
      external_id_type,
      external_id_value,
      label,
      {{ profiles_sync.identifier_key('external_id_type', 'external_id_value') }} as identifier_key
    from carried
  ),
  mapped as (
    select
      keyed.label,
      log.profile_no,
      log.operation,
      row_number() over (partition by keyed.label order by log.event_no desc, log.row_no desc) as newest
    from keyed
    inner join {{ profiles_sync.contract_relation('identity_mapping_log') }} as log on log.identifier_key = keyed.identifier_key
  )
  select
    keyed.external_id_type,
    keyed.external_id_value,
    keyed.label,
    keyed.identifier_key,
    coalesce(moved.canonical_no, mapped.profile_no) * {{ profiles_sync.identity_stride() }} as node
  from keyed
  left join mapped on mapped.label = keyed.label and mapped.newest = 1 and mapped.operation = 'CREATED'
  left join {{ profiles_sync.contract_relation('identity_canonical') }} as moved on moved.profile_no = mapped.profile_no
{% endmacro %}

{#- Step 5, the identifiers of the events that may change something. An event whose identifiers all belong to one profile already changes
    nothing, now or later in the batch: identifiers never leave a profile, and profiles only unite. `element` is what an identifier stands
    for from here on: its owner's profile, or itself while nobody owns it. -#}
{% macro identity_touches(batch) %}
  with touches as (
    select
      identifiers.event_no,
      identifiers.rank_no,
      identifiers.external_id_type,
      owners.label,
      coalesce(owners.node, owners.label) as element,
      min(coalesce(owners.node, owners.label)) over (partition by identifiers.event_no) as least_element,
      max(coalesce(owners.node, owners.label)) over (partition by identifiers.event_no) as greatest_element
    from work_identifiers as identifiers
    inner join work_owners as owners
      on owners.external_id_type = identifiers.external_id_type and owners.external_id_value = identifiers.external_id_value
    where identifiers.status = 'ok'
  )
  select
    touches.event_no,
    events.clock_ms,
    touches.rank_no,
    touches.external_id_type,
    touches.element,
    touches.label
  from touches
  inner join work_events as events on events.event_no = touches.event_no
  where touches.least_element <> touches.greatest_element or mod(touches.least_element, {{ profiles_sync.identity_stride() }}) <> 0
{% endmacro %}
