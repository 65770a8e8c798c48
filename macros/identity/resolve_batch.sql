{#- Resolves one batch, all in work tables; `identity_write_batch` makes the result visible. -#}
{% macro identity_resolve_batch(batch) %}
  {%- set locations = profiles_sync.identifier_locations(batch.settings) -%}
  {%- do profiles_sync.create_work_table('work_events', profiles_sync.identity_new_events(batch)) -%}
  {%- do profiles_sync.create_work_table('work_values', profiles_sync.identity_call_values(batch, locations)) -%}
  {%- do profiles_sync.create_work_table('work_identifiers', profiles_sync.identity_identifiers(batch, locations)) -%}
  {%- do profiles_sync.create_work_table('work_owners', profiles_sync.identity_owners(batch)) -%}
  {%- do profiles_sync.create_work_table('work_touches', profiles_sync.identity_touches(batch)) -%}
  {%- do profiles_sync.create_work_table('work_sizes', profiles_sync.identity_sizes(batch)) -%}
  {%- do profiles_sync.create_work_table('work_steps', profiles_sync.identity_first_steps()) -%}
  {%- do profiles_sync.identity_run_rounds(batch) -%}
  {%- do profiles_sync.create_work_table('work_ancestors', profiles_sync.identity_first_moves()) -%}
  {%- do profiles_sync.identity_close_moves() -%}
  {%- do profiles_sync.create_work_table('work_moves', profiles_sync.identity_moves()) -%}
  {%- do profiles_sync.create_work_table('work_refusals', profiles_sync.identity_refusals(batch)) -%}
{% endmacro %}

{#- Rounds until no event is open. The bound is an alarm: nothing has been written yet, so nothing is lost. -#}
{% macro identity_run_rounds(batch) %}
  {%- set bound = batch.settings.identity_round_limit | int -%}
  {%- set state = namespace(left=(run_query('select count(*) from work_touches').rows[0][0]) | int, rounds=0) -%}
  {%- for round_no in range(1, bound + 1) if state.left > 0 -%}
    {%- do run_query('insert into work_steps ' ~ profiles_sync.identity_round(batch, round_no)) -%}
    {%- set state.left = (run_query("select max(n) from work_steps where kind = 'left' and round_no = " ~ round_no).rows[0][0]) | int -%}
    {%- set state.rounds = round_no -%}
  {%- endfor -%}
  {%- if state.left > 0 -%}
    {%- set widest = run_query(
      'select owners.external_id_type, owners.external_id_value, count(*) as n from work_touches as touches'
      ~ " left join work_steps as done on done.kind = 'resolved' and done.event_no = touches.event_no"
      ~ ' inner join work_owners as owners on owners.label = touches.label where done.event_no is null'
      ~ ' group by owners.external_id_type, owners.external_id_value order by n desc, owners.external_id_type, owners.external_id_value'
    ) -%}
    {%- set names = [] -%}
    {%- for row in widest.rows[:5] -%}
      {%- do names.append(row[0] ~ ' ' ~ tojson(row[1]) ~ ' (on ' ~ row[2] ~ ' open events)') -%}
    {%- endfor -%}
    {{ exceptions.raise_compiler_error(
      'Identity resolution stopped after ' ~ bound ~ ' rounds with ' ~ state.left ~ ' events open; nothing was written. '
      ~ 'The widest identifiers among them: ' ~ names | join(', ') ~ '. '
      ~ 'Either block a value that many people share (rules/blocked_values.csv), or raise identity_round_limit, and sync again.'
    ) }}
  {%- endif -%}
{% endmacro %}

{#- Doubles the distance until no pair is further apart. -#}
{% macro identity_close_moves() %}
  {%- set state = namespace(distance=2) -%}
  {%- for i in range(1, 40) if state.distance -%}
    {%- set found = (run_query('select count(*) from work_ancestors where distance = ' ~ state.distance).rows[0][0]) | int -%}
    {%- if found -%}
      {%- do run_query('insert into work_ancestors ' ~ profiles_sync.identity_further_moves(state.distance)) -%}
      {%- set state.distance = state.distance * 2 -%}
    {%- else -%}
      {%- set state.distance = 0 -%}
    {%- endif -%}
  {%- endfor -%}
{% endmacro %}
