{#- Rows of `notices` about a batch: entries of `context.externalIds` that were ignored, and identifier types that no rule names and no batch
    showed before. -#}
{% macro identity_notices(batch) %}
  {%- set text = profiles_sync.column_type('text') -%}
  {%- set known = [] -%}
  {%- for rule in batch.settings.identity_rules -%} {%- do known.append(profiles_sync.text_literal(rule.external_id_type)) -%} {%- endfor %}
  select
    cast('external_id_entry_ignored' as {{ text }}) as notice,
    sum(entries.n * copies.n) as occurrences,
    cast('entries of context.externalIds that are incomplete, not in lower case, or not of a person' as {{ text }}) as detail
  from (
    select event_no, count(*) as n
    from ({{ profiles_sync.external_id_entries(batch.settings, 'event_no = set_no') }}) as carried
    where ignored = 1
    group by event_no
  ) as entries
  inner join (select set_no, count(*) as n from work_events group by set_no) as copies on copies.set_no = entries.event_no
  having sum(entries.n) > 0
  {%- if batch.active %}
  union all
  select 'identifier_type_first_seen', shown.n, shown.external_id_type
  from (
    select external_id_type, count(distinct label) as n
    from work_identifiers
    where status = 'ok' and external_id_type not in ({{ known | join(', ') }})
    group by external_id_type
  ) as shown
  left join {{ profiles_sync.contract_relation('notices') }} as earlier
    on earlier.notice = 'identifier_type_first_seen' and earlier.detail = shown.external_id_type
  where earlier.notice is null
  {%- endif %}
{% endmacro %}

{#- Notice of messages that came again with another content, which is lost: the first one landed stays. A retry of a client differs in
    `sentAt`, `receivedAt`, `timestamp` and `_metadata`, so what else a call has is compared. Called after the commit, when there were
    duplicates at all. -#}
{% macro identity_note_duplicates(batch) %}
  {%- set seen = profiles_sync.contract_relation('seen_messages') -%}
  {%- set raw_events = ref('profiles_sync', 'stg_events') -%}
  {%- set text = profiles_sync.column_type('text') -%}
  {%- set repeats -%}
    select repeated.event_no, first_ones.event_no as first_no
    from work_events as repeated
    inner join {{ seen }} as first_ones on first_ones.message_key = repeated.message_key
    where repeated.outcome = 'duplicate'
  {%- endset -%}
  {#- A literal, for engines that keep events by their number to read no more than they must. -#}
  {%- set oldest = profiles_sync.query_work_tables('select min(first_no) from (' ~ repeats ~ ') as repeats').rows[0][0] -%}
  {%- if oldest is not none -%}
    {%- set paths = [] -%}
    {%- for key in ['type', 'userId', 'anonymousId', 'groupId', 'previousId', 'event', 'name', 'traits', 'properties', 'context',
                    'integrations', 'originalTimestamp'] -%}
      {%- do paths.append([key]) -%}
    {%- endfor -%}
    {%- set content = [] -%}
    {%- for path in paths -%}
      {%- do content.append("'|'") -%}
      {%- do content.append('coalesce(' ~ profiles_sync.json_compact(profiles_sync.json_path_value('parsed.found', paths, loop.index0)) ~ ", '')") -%}
    {%- endfor %}
    {%- set transaction = profiles_sync.new_transaction() -%}
    {% call profiles_sync.write_step(transaction, 'duplicate_notices') %}
    insert into {{ profiles_sync.contract_relation('notices') }} (sync_id, notice, table_name, column_name, occurrences, detail, noticed_at)
    select
      (select max(sync.sync_id) from {{ profiles_sync.contract_relation('current_sync') }} as sync),
      'duplicate_id_different_payload',
      cast(null as {{ text }}),
      cast(null as {{ text }}),
      count(*),
      {{ profiles_sync.concat_text(["'messages that landed before with another content, which stays; one of them: '", 'min(repeats.message_id)']) }},
      {{ profiles_sync.now_utc() }}
    from (
      select calls.event_no, calls.message_id
      from (
        select parsed.event_no, parsed.message_id, {{ profiles_sync.concat_text(content) }} as content
        from (
          select pairs.event_no, events.message_id, {{ profiles_sync.json_paths('events.payload', paths) }} as found
          from (
            select event_no, event_no as call_no from ({{ repeats }}) as later_calls
            union all
            select event_no, first_no as call_no from ({{ repeats }}) as first_calls
          ) as pairs
          inner join {{ raw_events }} as events
            on events.event_no = pairs.call_no and events.event_no >= {{ oldest }} and events.event_no <= {{ batch.upto }}
          {{ profiles_sync.evaluate_once() }}
        ) as parsed
      ) as calls
      group by calls.event_no, calls.message_id
      having count(distinct calls.content) > 1
    ) as repeats
    having count(*) > 0
    {% endcall %}
    {%- do profiles_sync.commit_transaction(transaction) -%}
  {%- endif -%}
{% endmacro %}
