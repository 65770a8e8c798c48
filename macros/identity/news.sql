{#- Step 3, one row: what there is to do. `active`: identifiers of sets that may change something; without any, rounds and most of what is
    written are left out. `unfit`: identifiers that are not promoted, `unruled`: some of types that no rule names, `nameless`: events without any
    identifier, `ignored`: entries of `context.externalIds` that are none, `filtered`: events that a filter took out, `landed`: events. -#}
{% macro identity_news(batch) %}
  {%- set known = [] -%}
  {%- for rule in batch.settings.identity_rules -%} {%- do known.append(profiles_sync.text_literal(rule.external_id_type)) -%} {%- endfor %}
  select
    coalesce(sum(case when active = 1 and status = 'ok' then 1 else 0 end), 0) as active,
    coalesce(sum(case when status <> 'ok' then 1 else 0 end), 0) as unfit,
    coalesce(sum(case when active = 1 and external_id_type not in ({{ known | join(', ') }}) then 1 else 0 end), 0) as unruled,
    (
      select count(*)
      from work_events as events
      left join work_identifiers as best on best.set_no = events.set_no and best.rank_no = 1 and best.status = 'ok'
      where events.outcome = 'processed' and best.set_no is null
    ) as nameless,
    (
      select count(*) from ({{ profiles_sync.external_id_entries(batch.settings, 'event_no = set_no') }}) as entries where entries.ignored = 1
    ) as ignored,
    (select count(*) from work_events as events where events.outcome = 'filtered') as filtered,
    (select count(*) from work_events) as landed
  from work_identifiers
{% endmacro %}
