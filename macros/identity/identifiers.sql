{#- Step 2, `work_identifiers`: the distinct identifiers of each set, ranked best first, and who owns each now.
    `element` is what one stands for from here on: its owner's profile (`node`), or itself (`label`) while nobody owns it.
    A set is `active` if it may change something; one whose identifiers all belong to one profile already never will. -#}
{% macro identity_identifiers(batch, locations) %}
  {%- set settings = batch.settings -%}
  {%- set stride = profiles_sync.identity_stride() -%}
  with rules as (
    {{ profiles_sync.identity_rules(settings) }}
  ),
  entries as (
    {{ profiles_sync.external_id_entries(settings, 'event_no = set_no') }}
  ),
  found as (
    {%- for location in locations %}
    select
      event_no as set_no,
      {{ loop.index }} as place,
      {{ profiles_sync.text_literal(location.type) }} as external_id_type,
      value_{{ loop.index0 }} as external_id_value
    from work_events
    where event_no = set_no and {{ profiles_sync.null_if_empty('value_' ~ loop.index0) }} is not null
    union all
    {%- endfor %}
    select event_no as set_no, {{ locations | length }} + item_no as place, external_id_type, external_id_value
    from entries
    where ignored = 0 and external_id_value is not null
  ),
  carried as (
    select set_no, external_id_type, external_id_value, min(place) as place
    from found
    group by set_no, external_id_type, external_id_value, {{ profiles_sync.exact('external_id_value') }}
  ),
  judged as (
    select
      carried.set_no,
      carried.external_id_type,
      carried.external_id_value,
      carried.place,
      coalesce(rules.priority_no, {{ profiles_sync.unranked_priority() }}) as priority_no,
      case
        when {{ profiles_sync.text_length('carried.external_id_value') }} > {{ profiles_sync.identity_value_length() }} then 'too_long'
        when {{ profiles_sync.is_blocked(settings, 'carried.external_id_type', 'carried.external_id_value') }} then 'blocked'
        else 'ok'
      end as status
    from carried
    left join rules on rules.external_id_type = carried.external_id_type
  ),
  ranked as (
    {#- `status` is `ok`, or why one is not promoted; the ok ones go by the priority of the type, then by place in the call. #}
    select
      set_no,
      external_id_type,
      external_id_value,
      status,
      row_number() over (
        partition by set_no, status order by priority_no, {{ profiles_sync.bytewise('external_id_type') }}, place
      ) as rank_no
    from judged
  ),
  keyed as (
    select
      set_no,
      cast(rank_no as {{ profiles_sync.column_type('int') }}) as rank_no,
      external_id_type,
      external_id_value,
      case when status = 'ok' and rank_no >= {{ stride }} then 'too_many' else status end as status,
      case when status = 'ok' and rank_no < {{ stride }} then {{ profiles_sync.identifier_key('external_id_type', 'external_id_value') }} end as identifier_key
    from ranked
  ),
  looked_up as (
    {#- The first of the two looks into state, by 16-byte key; the newest row of a key tells whether it was removed. Each identifier by
        itself: a join with what was looked up once would be one of two queries, of which a planner knows nothing. #}
    select
      keyed.set_no,
      keyed.rank_no,
      keyed.external_id_type,
      keyed.external_id_value,
      keyed.status,
      keyed.identifier_key,
      log.profile_no,
      log.operation,
      dense_rank() over (partition by keyed.identifier_key order by log.event_no desc, log.row_no desc) as newest,
      {#- Of all rows; in the same order, so that the engine sorts once. #}
      min(case when keyed.status = 'ok' then keyed.set_no * {{ stride }} + keyed.rank_no end) over (
        partition by keyed.identifier_key order by log.event_no desc, log.row_no desc
        rows between unbounded preceding and unbounded following
      ) as label
    from keyed
    left join {{ profiles_sync.contract_relation('identity_mapping_log') }} as log on log.identifier_key = keyed.identifier_key
  ),
  placed as (
    select
      looked_up.set_no,
      looked_up.rank_no,
      looked_up.external_id_type,
      looked_up.external_id_value,
      looked_up.status,
      looked_up.identifier_key,
      looked_up.label,
      case when looked_up.operation = 'CREATED' then coalesce(moved.canonical_no, looked_up.profile_no) * {{ stride }} end as node
    from looked_up
    left join {{ profiles_sync.contract_relation('identity_canonical') }} as moved on moved.profile_no = looked_up.profile_no
    where looked_up.newest = 1
  )
  select
    set_no,
    rank_no,
    external_id_type,
    external_id_value,
    status,
    label,
    identifier_key,
    node,
    element,
    {#- Identifiers never leave a profile, and profiles only unite. #}
    case
      when min(element) over (partition by set_no) <> max(element) over (partition by set_no) then 1
      when {{ profiles_sync.modulo('min(element) over (partition by set_no)', stride) }} <> 0 then 1
      else 0
    end as active
  from (
    select set_no, rank_no, external_id_type, external_id_value, status, label, identifier_key, node, coalesce(node, label) as element
    from placed
  ) as elements
{% endmacro %}

{#- Entries of `context.externalIds` by event: type, value, and whether the entry is ignored, being ill-formed, an account, or of a type
    that is not to be registered. A type that is switched off gives no value. `condition` chooses rows of `work_events`. -#}
{% macro external_id_entries(settings, condition) %}
  {%- set fields = [['type'], ['id'], ['collection'], ['encoding']] -%}
  {%- set json = [] -%}
  {%- for field in fields -%}
    {%- do json.append('taken.json_' ~ loop.index0) -%}
  {%- endfor -%}
  {%- set known, off, normalized = [], [], [] -%}
  {%- for rule in settings.identity_rules -%}
    {%- do known.append(profiles_sync.text_literal(rule.external_id_type)) -%}
    {%- if not rule.enabled -%} {%- do off.append(profiles_sync.text_literal(rule.external_id_type)) -%} {%- endif -%}
    {%- if rule.normalize -%} {%- do normalized.append(rule.external_id_type) -%} {%- endif -%}
  {%- endfor -%}
    select
      event_no,
      item_no,
      external_id_type,
      case
        when id is null then null
        {%- if off %}
        when external_id_type in ({{ off | join(', ') }}) then null
        {%- endif %}
        {%- for type in normalized %}
        when external_id_type = {{ profiles_sync.text_literal(type) }} then {{ profiles_sync.normalized_value(settings, type, 'id') }}
        {%- endfor %}
        else id
      end as external_id_value,
      case
        when external_id_type is null or id is null or external_id_type = 'group_id'
          or external_id_type <> {{ profiles_sync.ascii_lower('external_id_type') }}
          or coalesce(collection, '') <> 'users' or coalesce(encoding, '') <> 'none'
          {%- if not settings.auto_register_external_ids %} or external_id_type not in ({{ known | join(', ') }}) {%- endif %}
          then 1
        else 0
      end as ignored
    from (
      select
        event_no,
        item_no,
        case when {{ profiles_sync.json_kind(json[0]) }} = 'string' then {{ profiles_sync.null_if_empty(profiles_sync.json_string(json[0])) }} end as external_id_type,
        {{ profiles_sync.identifier_text(json[1]) }} as id,
        case when {{ profiles_sync.json_kind(json[2]) }} = 'string' then {{ profiles_sync.json_string(json[2]) }} end as collection,
        case when {{ profiles_sync.json_kind(json[3]) }} = 'string' then {{ profiles_sync.json_string(json[3]) }} end as encoding
      from (
        select
          entries.event_no,
          entries.item_no
          {%- for field in fields %},
          {{ profiles_sync.json_path_value('entries.fields', fields, loop.index0) }} as json_{{ loop.index0 }}
          {%- endfor %}
        from (
          select event_no, item_no, {{ profiles_sync.json_paths('item', fields) }} as fields
          from {{ profiles_sync.json_array_rows('work_events', 'event_no', 'external_ids', condition ~ " and external_ids <> ''") }} as items
          {{ profiles_sync.evaluate_once() }}
        ) as entries
        {{ profiles_sync.evaluate_once() }}
      ) as taken
    ) as texts
{% endmacro %}
