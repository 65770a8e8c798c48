{#- The batch becomes visible: every ledger, the state and the row of this commit in one transaction. Until it ends nothing of the batch can
    be seen, so a run that dies anywhere is simply repeated. Returns the counts of the commit. -#}
{% macro identity_write_batch(batch, relation) %}
  {%- set stride = profiles_sync.identity_stride() -%}
  {%- set raw_events = ref('profiles_sync', 'stg_events') -%}
  {%- set profiles = profiles_sync.contract_relation('identity_profiles') -%}
  {%- set events = profiles_sync.contract_relation('identity_events') -%}
  {%- set text = profiles_sync.column_type('text') -%}
  {%- set sync = profiles_sync.contract_relation('current_sync') -%}
  {%- set within = 'landed.event_no > ' ~ batch.after ~ ' and landed.event_no <= ' ~ batch.upto -%}
  {%- set landed_within = within ~ profiles_sync.landing_days('landed', batch) -%}
  {%- if batch.active -%}
    {%- set refusals = profiles_sync.queryable('work_refusals', profiles_sync.identity_refusals(batch)) -%}
  {%- endif -%}
  {%- set transaction = profiles_sync.new_transaction() -%}
  {%- do profiles_sync.expect(transaction, 'select max(done.to_event_no) from ' ~ relation ~ ' as done', batch.after) -%}

  {%- if batch.active -%}
    {#- First, since a pool takes no DDL in a transaction, and some engines make a table of the changes. -#}
    {%- set moved -%}
      select {{ profiles_sync.profile_of('profile') }} as profile_no, {{ profiles_sync.profile_of('min(canonical)') }} as canonical_no
      from work_moves
      where pointer = 0
      group by profile
    {%- endset -%}
    {%- do profiles_sync.replace_rows(
      transaction, profiles_sync.contract_relation('identity_canonical'), moved, ['profile_no'], ['profile_no', 'canonical_no'],
      prefix='canonical_', name='work_canonical'
    ) -%}
  {%- endif %}

  {% call profiles_sync.write_step(transaction, 'seen_messages') %}
  insert into {{ profiles_sync.contract_relation('seen_messages') }} (message_key, event_no)
  select message_key, event_no from work_events where outcome = 'processed'
  {% endcall %}

  {% call profiles_sync.write_step(transaction, 'identity_events') %}
  insert into {{ events }} (event_no, outcome, clock_ms, stamp_no, profile_no)
  {{ profiles_sync.identity_event_rows(batch) }}
  {% endcall %}

  {%- if batch.active %}
  {% call profiles_sync.write_step(transaction, 'identity_profiles') %}
  insert into {{ profiles }} (profile_no, segment_id)
  select landed.event_no, {{ profiles_sync.segment_id(batch.settings, 'landed.message_id') }}
  from work_steps as steps
  inner join {{ raw_events }} as landed on landed.event_no = steps.event_no
  where steps.kind = 'created' and {{ landed_within }} and {{ profiles_sync.is_not_erased_profile('landed.event_no') }}
  {% endcall %}

  {% call profiles_sync.write_step(transaction, 'identity_graph_log') %}
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
    select event_no, profile, canonical, before from work_moves where pointer = 0
  ) as changes
  inner join work_events as events on events.event_no = changes.event_no
  {% endcall %}

  {% call profiles_sync.write_step(transaction, 'identity_mapping_log') %}
  insert into {{ profiles_sync.contract_relation('identity_mapping_log') }}
    (event_no, row_no, clock_ms, identifier_key, external_id_type, external_id_value, profile_no, stamp_no, operation)
  select
    added.event_no,
    row_number() over (partition by added.event_no order by identifiers.rank_no),
    added.clock_ms,
    identifiers.identifier_key,
    identifiers.external_id_type,
    identifiers.external_id_value,
    {{ profiles_sync.profile_of('added.node') }},
    {{ profiles_sync.profile_of('coalesce(merges.youngest, added.node)') }},
    'CREATED'
  from {{ profiles_sync.added_identifiers() }} as added
  inner join work_events as events on events.event_no = added.event_no
  inner join work_identifiers as identifiers on identifiers.set_no = events.set_no and identifiers.label = added.element
  left join (
    select event_no, max(element) as youngest from work_steps where kind = 'merged' group by event_no
  ) as merges on merges.event_no = added.event_no
  {% endcall %}

  {%- endif %}

  {%- set clock_ms = '(select max(work_events.clock_ms) from work_events)' -%}
  {%- if batch.ends_with_actions -%}
  {#- The batch may have no event. -#}
  {%- if batch.clock_ms is not none -%} {%- set clock_ms = 'coalesce(' ~ clock_ms ~ ', ' ~ batch.clock_ms ~ ')' -%} {%- endif -%}
  {% call profiles_sync.write_step(transaction, 'removed_identifiers') %}
  insert into {{ profiles_sync.contract_relation('identity_mapping_log') }}
    (event_no, row_no, clock_ms, identifier_key, external_id_type, external_id_value, profile_no, stamp_no, operation)
  {{ profiles_sync.removed_identifiers(batch, clock_ms) }}
  {% endcall %}
  {%- endif %}

  {%- if batch.active or batch.unfit or batch.nameless %}
  {% call profiles_sync.write_step(transaction, 'identity_violations') %}
  insert into {{ profiles_sync.contract_relation('identity_violations') }}
    (id, message_id, event_no, violation, external_id_type, external_id_value, limit_value, limit_window, resolved_segment_id, uuid_ts)
  select
    {{ profiles_sync.row_id('identity_violations', [
      profiles_sync.zero_padded('found.event_no', 12), 'found.violation', "coalesce(found.external_id_type, '')", "coalesce(found.external_id_value, '')"
    ]) }},
    landed.message_id,
    found.event_no,
    found.violation,
    found.external_id_type,
    found.external_id_value,
    found.limit_value,
    found.limit_window,
    profiles.segment_id,
    {{ profiles_sync.sync_uuid_ts() }}
  from (
    {%- if batch.active %}
    select event_no, violation, external_id_type, external_id_value, limit_value, limit_window
    from {{ refusals }} as refusals
    union all
    {%- endif %}
    select
      events.event_no,
      case identifiers.status
        when 'blocked' then 'id_value_blocked'
        when 'too_long' then 'identifier_too_long'
        else 'too_many_identifiers'
      end as violation,
      identifiers.external_id_type,
      identifiers.external_id_value,
      cast(case identifiers.status when 'too_many' then {{ stride - 1 }} end as {{ profiles_sync.column_type('bigint') }}) as limit_value,
      cast(null as {{ text }}) as limit_window
    from work_events as events
    inner join work_identifiers as identifiers on identifiers.set_no = events.set_no
    where identifiers.status <> 'ok'
    union all
    select
      landed.event_no, 'no_matching_identifiers', cast(null as {{ text }}), cast(null as {{ text }}), cast(null as {{ profiles_sync.column_type('bigint') }}), cast(null as {{ text }})
    from {{ events }} as landed
    where {{ within }} and landed.outcome = 'processed' and landed.profile_no is null
  ) as found
  inner join {{ raw_events }} as landed on landed.event_no = found.event_no
  inner join {{ events }} as resolved on resolved.event_no = found.event_no
  left join {{ profiles }} as profiles on profiles.profile_no = resolved.stamp_no
  where {{ landed_within }} and resolved.event_no > {{ batch.after }} and resolved.event_no <= {{ batch.upto }}
  {% endcall %}
  {%- endif %}

  {%- if batch.ignored or batch.unruled %}
  {% call profiles_sync.write_step(transaction, 'notices') %}
  insert into {{ profiles_sync.contract_relation('notices') }} (sync_id, notice, table_name, column_name, occurrences, detail, noticed_at)
  select
    (select max(sync.sync_id) from {{ sync }} as sync),
    found.notice,
    cast(null as {{ text }}),
    cast(null as {{ text }}),
    found.occurrences,
    found.detail,
    {{ profiles_sync.now_utc() }}
  from ({{ profiles_sync.identity_notices(batch) }}) as found
  {% endcall %}
  {%- endif %}

  {%- set lease = profiles_sync.lease_in_statement() %}
  {% call profiles_sync.write_step(transaction, 'identity_resolution') %}
  insert into {{ relation }}
    (sync_id, from_event_no, to_event_no, clock_ms, settings_version, events, duplicates, filtered, profiles_created, profiles_merged,
     violations, uuid_ts)
  select
    (select max(sync.sync_id) from {{ sync }} as sync),
    {{ batch.after + 1 }},
    {{ batch.upto }},
    {{ clock_ms }},
    {{ batch.version }},
    {{ batch.landed }},
    {{ batch.landed - batch.filtered }} - {{ profiles_sync.written(transaction, 'seen_messages') }},
    {{ batch.filtered }},
    {{ profiles_sync.written(transaction, 'identity_profiles') }},
    {{ profiles_sync.written(transaction, 'canonical_added') }} - {{ profiles_sync.written(transaction, 'canonical_replaced') }},
    {{ profiles_sync.written(transaction, 'identity_violations') }},
    {{ profiles_sync.sync_uuid_ts() }}
  {{ 'from (' ~ lease ~ ') as lease' if lease }}
  {% endcall %}
  {%- do profiles_sync.lease_held_by(transaction, 'identity_resolution') -%}
  {%- do profiles_sync.commit_transaction(transaction) -%}
  {%- set duplicates = batch.landed - batch.filtered - profiles_sync.written(transaction, 'seen_messages') -%}
  {%- if duplicates > 0 -%} {%- do profiles_sync.identity_note_duplicates(batch) -%} {%- endif -%}
  {{- return({
    'events': batch.landed,
    'duplicates': duplicates,
    'filtered': batch.filtered,
    'profiles_created': profiles_sync.written(transaction, 'identity_profiles'),
    'profiles_merged': profiles_sync.written(transaction, 'canonical_added') - profiles_sync.written(transaction, 'canonical_replaced'),
    'violations': profiles_sync.written(transaction, 'identity_violations'),
  }) -}}
{% endmacro %}

{#- Rows of `identity_events`. What an event belongs to is known by a label that it joined: in a round, itself or the first event of its set;
    in the forest; or, as it changed nothing, by its best identifier at the start. Its profile is that label's canonical one at the event, and it is stamped with the youngest
    of the profiles that it matched: the one that ended by it, if any. -#}
{% macro identity_event_rows(batch) %}
  {%- set labels = ['identifiers.node'] -%}
  {%- if batch.active and batch.forest -%} {%- do labels.insert(0, 'anchors.root') -%} {%- endif -%}
  {%- if batch.contested -%} {%- do labels.insert(0, 'firsts.node') -%} {%- endif -%}
  {%- if batch.rounds -%} {%- do labels.insert(0, 'done.node') -%} {%- endif -%}
  select
    events.event_no,
    events.outcome,
    events.clock_ms,
    {{ profiles_sync.profile_of('coalesce(merges.youngest, bases.node)' if batch.active else 'bases.node') }} as stamp_no,
    {{ profiles_sync.profile_of('bases.node') }} as profile_no
  from work_events as events
  left join (
    select based.event_no, {{ 'coalesce(moves.canonical, based.node)' if batch.active else 'based.node' }} as node
    from (
      select
        events.event_no,
        {{ 'coalesce(' ~ labels | join(', ') ~ ')' if labels | length > 1 else labels[0] }} as node
      from work_events as events
      inner join work_identifiers as identifiers
        on identifiers.set_no = events.set_no and identifiers.rank_no = 1 and identifiers.status = 'ok'
      {%- if batch.rounds %}
      left join (select event_no, node from work_steps where kind = 'resolved') as done on done.event_no = events.event_no
      {%- endif %}
      {%- if batch.contested %}
      left join (select event_no, node from work_steps where kind = 'resolved') as firsts on firsts.event_no = events.set_no
      {%- endif %}
      {%- if batch.active and batch.forest %}
      left join work_anchors as anchors on anchors.label = events.set_no * {{ profiles_sync.identity_stride() }}
      {%- endif %}
    ) as based
    {%- if batch.active %}
    {{ profiles_sync.join_last_move('based.node', 'based.event_no') }}
    {%- endif %}
  ) as bases on bases.event_no = events.event_no
  {%- if batch.active %}
  left join (
    select event_no, max(element) as youngest from work_steps where kind = 'merged' group by event_no
  ) as merges on merges.event_no = events.event_no
  {%- endif %}
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
