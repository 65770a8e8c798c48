{#- Prepares the erasing of the events listed in `erased_events` whose calls are still there: `erased_identifiers`, one row for each event and
    rank. An identifier that another call carries stays as it is; any other becomes a name that says nothing, made of the place where it was
    first carried, so that a replay makes the same profiles and merges. Reads every call once more, as a rebuild does. -#}
{% macro prepare_erasure() %}
  {%- set raw = profiles_sync.contract_relation('raw_events') -%}
  {%- set erased = profiles_sync.contract_relation('erased_events') -%}
  {%- set last = (run_query('select max(event_no) from ' ~ raw).rows[0][0] or 0) | int -%}
  {%- set state = namespace(first=true) -%}
  {%- for batch in profiles_sync.identity_batches(profiles_sync.settings_versions(), 0, last, []) -%}
    {%- set locations = profiles_sync.identifier_locations(batch.settings) -%}
    {%- do batch.update({'clock_ms': none}) -%}
    {%- do profiles_sync.create_work_table('work_events', profiles_sync.erasure_events(batch, locations)) -%}
    {%- do profiles_sync.create_work_table('work_identifiers', profiles_sync.identity_identifiers(batch, locations)) -%}
    {%- set pairs = 'select events.erased, identifiers.set_no as event_no, identifiers.rank_no, identifiers.external_id_type, identifiers.external_id_value'
      ~ ' from work_identifiers as identifiers inner join work_events as events on events.event_no = identifiers.set_no'
      ~ " where identifiers.status = 'ok'" -%}
    {%- if state.first -%}
      {%- do profiles_sync.create_work_table('work_pairs', pairs) -%}
    {%- else -%}
      {% call statement('further_pairs') %}
        {{ profiles_sync.insert_work_rows('work_pairs', pairs) }}
      {% endcall %}
    {%- endif -%}
    {%- set state.first = false -%}
  {%- endfor -%}
  {%- if not state.first -%}
    {%- do profiles_sync.create_work_table('work_names', profiles_sync.erasure_names()) -%}
    {%- set identifiers = profiles_sync.contract_relation('erased_identifiers') -%}
    {%- set actions = profiles_sync.contract_relation('identity_actions') -%}
    {%- set renamed = profiles_sync.create_work_table('work_actions', profiles_sync.erasure_actions(actions)) -%}
    {%- set transaction = profiles_sync.new_transaction() -%}
    {% call profiles_sync.write_step(transaction, 'forget_earlier_attempt') %}
      delete from {{ identifiers }} where event_no in (select event_no from work_names)
    {% endcall %}
    {% call profiles_sync.write_step(transaction, 'erased_identifiers') %}
      insert into {{ identifiers }} (event_no, rank_no, external_id_type, external_id_value, identifier_key, hidden)
      select
        names.event_no,
        names.rank_no,
        names.external_id_type,
        names.new_value,
        {{ profiles_sync.identifier_key('names.external_id_type', 'names.new_value') }},
        case when {{ profiles_sync.exact('names.new_value') }} = {{ profiles_sync.exact('names.external_id_value') }} then 0 else 1 end
      from work_names as names
    {% endcall %}
    {#- What was asked for an identifier is asked for its new name. Not every engine takes a subquery in SET. -#}
    {%- if profiles_sync.work_rows(renamed) %}
    {% call profiles_sync.write_step(transaction, 'forget_actions') %}
      delete from {{ actions }} where action_id in (select action_id from work_actions)
    {% endcall %}
    {% call profiles_sync.write_step(transaction, 'identity_actions') %}
      insert into {{ actions }} (action_id, action, external_id_type, external_id_value, requested_at, event_no, load_id)
      select action_id, action, external_id_type, external_id_value, requested_at, event_no, load_id from work_actions
    {% endcall %}
    {%- endif %}
    {%- do profiles_sync.commit_transaction(transaction) -%}
  {%- endif -%}
{% endmacro %}

{#- `work_events` of an erasure: each call to be erased by itself, of the others one for each set of values. -#}
{% macro erasure_events(batch, locations) %}
  {%- set columns = [] -%}
  {%- for location in locations -%} {%- do columns.append('value_' ~ loop.index0) -%} {%- endfor -%}
  {%- do columns.append('external_ids') -%}
  with {{ profiles_sync.call_values(batch, locations, columns, 'events.event_no > ' ~ batch.after ~ ' and events.event_no <= ' ~ batch.upto) }},
  chosen as (
    select
      calls.*,
      case when gone.event_no is null then 0 else 1 end as erased,
      case when gone.event_no is null then 0 else calls.event_no end as own_no
    from calls
    left join (
      select listed.event_no
      from {{ profiles_sync.contract_relation('erased_events') }} as listed
      inner join {{ profiles_sync.contract_relation('raw_events') }} as landed on landed.event_no = listed.event_no
      where landed.type <> 'erased'
    ) as gone on gone.event_no = calls.event_no
  )
  select
    min(event_no) as event_no,
    min(event_no) as set_no,
    max(erased) as erased
    {%- for column in columns %},
    min({{ column }}) as {{ column }}
    {%- endfor %}
  from chosen
  group by own_no, spelled
{% endmacro %}

{#- The identifiers of the calls to be erased, with their old and their new value. -#}
{% macro erasure_names() %}
  select
    gone.event_no,
    gone.rank_no,
    gone.external_id_type,
    gone.external_id_value,
    case
      when gone.elsewhere = 1 then gone.external_id_value
      else {{ profiles_sync.concat_text([
        "'erased-'", profiles_sync.zero_padded('gone.first_label', 16)
      ]) }}
    end as new_value
  from (
    select
      pairs.event_no,
      pairs.rank_no,
      pairs.erased,
      pairs.external_id_type,
      pairs.external_id_value,
      max(1 - pairs.erased) over (
        partition by pairs.external_id_type, {{ profiles_sync.exact('pairs.external_id_value') }}
      ) as elsewhere,
      min(case when pairs.erased = 1 then pairs.event_no * {{ profiles_sync.identity_stride() }} + pairs.rank_no end) over (
        partition by pairs.external_id_type, {{ profiles_sync.exact('pairs.external_id_value') }}
      ) as first_label
    from work_pairs as pairs
  ) as gone
  where gone.erased = 1
{% endmacro %}

{#- The actions on those identifiers, with the new values. -#}
{% macro erasure_actions(actions) %}
  select
    actions.action_id,
    actions.action,
    actions.external_id_type,
    min(names.new_value) as external_id_value,
    actions.requested_at,
    actions.event_no,
    actions.load_id
  from {{ actions }} as actions
  inner join work_names as names
    on names.external_id_type = actions.external_id_type
    and {{ profiles_sync.exact('names.external_id_value') }} = {{ profiles_sync.exact('actions.external_id_value') }}
  group by
    actions.action_id, actions.action, actions.external_id_type, actions.requested_at, actions.event_no, actions.load_id
{% endmacro %}

{#- Condition: an identifier still has the value that its calls gave it. -#}
{% macro is_not_erased(identifier_key) %}
  {{- return(
    'not exists (select 1 from ' ~ profiles_sync.contract_relation('erased_identifiers')
    ~ ' as erased where erased.hidden = 1 and erased.identifier_key = ' ~ identifier_key ~ ')'
  ) -}}
{% endmacro %}

{#- Condition: a profile was not erased as a whole. -#}
{% macro is_not_erased_profile(profile_no) %}
  {{- return(
    'not exists (select 1 from ' ~ profiles_sync.contract_relation('erased_events')
    ~ " as erased where erased.kind = 'profile' and erased.event_no = " ~ profile_no ~ ')'
  ) -}}
{% endmacro %}
