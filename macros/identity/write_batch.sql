{#- Step 11, the batch becomes visible: every ledger, the state and the row of this commit in one transaction. Until it ends nothing of the
    batch can be seen, so a run that dies anywhere is simply repeated. -#}
{% macro identity_write_batch(batch, relation) %}
  {%- set stride = profiles_sync.identity_stride() -%}
  {%- set raw_events = profiles_sync.contract_relation('raw_events') -%}
  {%- set profiles = profiles_sync.contract_relation('identity_profiles') -%}
  {%- set events = profiles_sync.contract_relation('identity_events') -%}
  {%- set canonical = profiles_sync.contract_relation('identity_canonical') -%}
  {%- set violations = profiles_sync.contract_relation('identity_violations') -%}
  {%- set text = profiles_sync.column_type('text') -%}
  {%- set within = 'raw.event_no > ' ~ batch.after ~ ' and raw.event_no <= ' ~ batch.upto -%}

  {% call statement('identity_events', auto_begin=true) %}
  insert into {{ events }} (event_no, outcome, clock_ms, stamp_no, profile_no)
  select
    events.event_no,
    events.outcome,
    events.clock_ms,
    {{ profiles_sync.profile_of('coalesce(merges.youngest, bases.node)') }},
    {{ profiles_sync.profile_of('bases.node') }}
  from work_events as events
  left join (
    select resolved.event_no, coalesce(min(moves.canonical), min(resolved.node)) as node
    from (
      select event_no, node from work_steps where kind = 'resolved'
      union all
      {#- What changed nothing belongs to whom its best identifier belonged at the start. #}
      select known.event_no, identifiers.node
      from work_events as known
      inner join work_identifiers as identifiers
        on identifiers.set_no = known.set_no and identifiers.rank_no = 1 and identifiers.status = 'ok'
      left join (select event_no from work_steps where kind = 'resolved') as done on done.event_no = known.event_no
      where done.event_no is null
    ) as resolved
    left join work_moves as moves on moves.profile = resolved.node and moves.event_no <= resolved.event_no
    group by resolved.event_no
  ) as bases on bases.event_no = events.event_no
  left join (
    select event_no, max(element) as youngest from work_steps where kind = 'merged' group by event_no
  ) as merges on merges.event_no = events.event_no
  {% endcall %}

  {% call statement('seen_messages') %}
  insert into {{ profiles_sync.contract_relation('seen_messages') }} (message_key, event_no)
  select message_key, event_no from work_events where outcome = 'processed'
  {% endcall %}

  {% call statement('identity_profiles', fetch_result=true) %}
  insert into {{ profiles }} (profile_no, segment_id)
  select raw.event_no, {{ profiles_sync.segment_id(batch.settings, 'raw.message_id') }}
  from work_steps as steps
  inner join {{ raw_events }} as raw on raw.event_no = steps.event_no
  where steps.kind = 'created' and {{ within }}
  {% endcall %}
  {%- set created = profiles_sync.affected_rows('identity_profiles') -%}

  {% call statement('identity_graph_log') %}
  insert into {{ profiles_sync.contract_relation('identity_graph_log') }} (event_no, row_no, clock_ms, profile_no, canonical_no)
  select
    changes.event_no,
    row_number() over (
      partition by changes.event_no
      order by changes.before, case when changes.profile = changes.before then 0 else 1 end, changes.profile
    ),
    events.clock_ms,
    {{ profiles_sync.profile_of('changes.profile') }},
    {{ profiles_sync.profile_of('changes.canonical') }}
  from (
    select event_no, node as profile, node as canonical, node as before from work_steps where kind = 'created'
    union all
    select event_no, profile, canonical, before from work_moves
  ) as changes
  inner join work_events as events on events.event_no = changes.event_no
  {% endcall %}

  {% call statement('identity_mapping_log') %}
  insert into {{ profiles_sync.contract_relation('identity_mapping_log') }}
    (event_no, row_no, clock_ms, identifier_key, external_id_type, external_id_value, profile_no, stamp_no, operation)
  select
    added.event_no,
    row_number() over (partition by added.event_no order by touches.rank_no),
    added.clock_ms,
    identifiers.identifier_key,
    identifiers.external_id_type,
    identifiers.external_id_value,
    {{ profiles_sync.profile_of('added.node') }},
    {{ profiles_sync.profile_of('coalesce(merges.youngest, added.node)') }},
    'CREATED'
  from work_steps as added
  inner join work_open as touches on touches.event_no = added.event_no and touches.element = added.element
  inner join work_identifiers as identifiers
    on identifiers.label = touches.label and identifiers.set_no * {{ stride }} + identifiers.rank_no = identifiers.label
  left join (
    select event_no, max(element) as youngest from work_steps where kind = 'merged' group by event_no
  ) as merges on merges.event_no = added.event_no
  where added.kind = 'added'
  {% endcall %}

  {% call statement('forget_canonical') %}
  delete from {{ canonical }} where profile_no in (select {{ profiles_sync.profile_of('profile') }} from work_moves)
  {% endcall %}
  {% call statement('identity_canonical') %}
  insert into {{ canonical }} (profile_no, canonical_no)
  select {{ profiles_sync.profile_of('profile') }}, {{ profiles_sync.profile_of('min(canonical)') }}
  from work_moves
  group by profile
  {% endcall %}

  {% call statement('identity_violations', fetch_result=true) %}
  insert into {{ violations }}
    (id, message_id, event_no, violation, external_id_type, external_id_value, limit_value, limit_window, resolved_segment_id, uuid_ts)
  select
    {{ profiles_sync.row_id('identity_violations', [
      profiles_sync.zero_padded('found.event_no', 12), 'found.violation', "coalesce(found.external_id_type, '')", "coalesce(found.external_id_value, '')"
    ]) }},
    raw.message_id,
    found.event_no,
    found.violation,
    found.external_id_type,
    found.external_id_value,
    found.limit_value,
    found.limit_window,
    profiles.segment_id,
    {{ profiles_sync.sync_uuid_ts() }}
  from (
    select
      refusals.event_no,
      refusals.violation,
      identifiers.external_id_type,
      identifiers.external_id_value,
      refusals.limit_value,
      refusals.limit_window
    from work_refusals as refusals
    inner join work_identifiers as identifiers
      on identifiers.label = refusals.label and identifiers.set_no * {{ stride }} + identifiers.rank_no = identifiers.label
    union all
    select
      events.event_no,
      case identifiers.status
        when 'blocked' then 'id_value_blocked'
        when 'too_long' then 'identifier_too_long'
        else 'too_many_identifiers'
      end,
      identifiers.external_id_type,
      identifiers.external_id_value,
      case identifiers.status when 'too_many' then {{ stride - 1 }} end,
      cast(null as {{ text }})
    from work_events as events
    inner join work_identifiers as identifiers on identifiers.set_no = events.set_no
    where identifiers.status <> 'ok'
    union all
    select
      event_no, 'no_matching_identifiers', cast(null as {{ text }}), cast(null as {{ text }}), cast(null as bigint), cast(null as {{ text }})
    from {{ events }} as unresolved
    where unresolved.event_no > {{ batch.after }} and unresolved.event_no <= {{ batch.upto }}
      and unresolved.outcome = 'processed' and unresolved.profile_no is null
  ) as found
  inner join {{ raw_events }} as raw on raw.event_no = found.event_no
  inner join {{ events }} as resolved on resolved.event_no = found.event_no
  left join {{ profiles }} as profiles on profiles.profile_no = resolved.stamp_no
  where {{ within }} and resolved.event_no > {{ batch.after }} and resolved.event_no <= {{ batch.upto }}
  {% endcall %}
  {%- set refused = profiles_sync.affected_rows('identity_violations') -%}

  {% call statement('notices') %}
  insert into {{ profiles_sync.contract_relation('notices') }} (sync_id, notice, table_name, column_name, occurrences, detail, noticed_at)
  select
    (select max(sync.sync_id) from {{ profiles_sync.contract_relation('current_sync') }} as sync),
    'external_id_entry_ignored',
    cast(null as {{ text }}),
    cast(null as {{ text }}),
    sum(entries.n * copies.n),
    'entries of context.externalIds that are incomplete, not in lower case, or no person''s',
    {{ profiles_sync.now_utc() }}
  from (
    select event_no, count(*) as n
    from ({{ profiles_sync.external_id_entries(batch.settings, 'event_no = set_no') }}) as carried
    where ignored = 1
    group by event_no
  ) as entries
  inner join (select set_no, count(*) as n from work_events group by set_no) as copies on copies.set_no = entries.event_no
  having sum(entries.n) > 0
  {% endcall %}

  {% call statement('identity_resolution') %}
  insert into {{ relation }}
    (sync_id, from_event_no, to_event_no, clock_ms, settings_version, events, duplicates, filtered, profiles_created, profiles_merged,
     violations, uuid_ts)
  select
    (select max(sync.sync_id) from {{ profiles_sync.contract_relation('current_sync') }} as sync),
    {{ batch.after + 1 }},
    {{ batch.upto }},
    max(clock_ms),
    {{ batch.version }},
    count(*),
    coalesce(sum(case when outcome = 'duplicate' then 1 else 0 end), 0),
    coalesce(sum(case when outcome = 'filtered' then 1 else 0 end), 0),
    {{ created }},
    (select count(*) from work_steps where kind = 'merged'),
    {{ refused }},
    {{ profiles_sync.sync_uuid_ts() }}
  from work_events
  {% endcall %}
  {%- do adapter.commit() -%}
{% endmacro %}

{#- The id of a new profile, made of the message that created it: a rebuild gives it again. -#}
{% macro segment_id(settings, message_id) %}
  {{- return(profiles_sync.concat_text([
    "'use_'",
    'substring(' ~ profiles_sync.sha256_hex(profiles_sync.concat_text([profiles_sync.text_literal(settings.space_id ~ ':'), message_id])) ~ ', 1, 27)'
  ])) -}}
{% endmacro %}

{#- Id of a row: 32 hexadecimal digits of the SHA-256 of the table's name and the row's natural key. -#}
{% macro row_id(table, key) %}
  {%- set parts = [profiles_sync.text_literal(table)] -%}
  {%- for part in key -%}
    {%- do parts.append("'|'") -%}
    {%- do parts.append(part) -%}
  {%- endfor -%}
  {{- return('substring(' ~ profiles_sync.sha256_hex(profiles_sync.concat_text(parts)) ~ ', 1, 32)') -}}
{% endmacro %}
