{#- Resolves one batch, all in work tables; `identity_write_batch` makes the result visible. -#}
{% macro identity_resolve_batch(batch) %}
  {%- set locations = profiles_sync.identifier_locations(batch.settings) -%}
  {%- do profiles_sync.plan_for('lookups') -%}
  {%- do profiles_sync.create_work_table('work_events', profiles_sync.identity_new_events(batch, locations)) -%}
  {%- do profiles_sync.create_work_table('work_identifiers', profiles_sync.identity_identifiers(batch, locations)) -%}
  {%- do profiles_sync.create_work_table('work_open', profiles_sync.identity_open_events()) -%}
  {%- do profiles_sync.create_work_table('work_sizes', profiles_sync.identity_sizes(batch, 'work_open')) -%}
  {%- do profiles_sync.plan_for('joins') -%}
  {%- do profiles_sync.create_work_table('work_steps', profiles_sync.identity_first_steps()) -%}
  {%- do profiles_sync.identity_run_rounds(batch) -%}
  {%- do profiles_sync.create_work_table('work_ancestors', profiles_sync.identity_first_moves()) -%}
  {%- do profiles_sync.identity_close_moves() -%}
  {%- do profiles_sync.create_work_table('work_moves', profiles_sync.identity_moves()) -%}
  {%- do profiles_sync.create_work_table('work_refusals', profiles_sync.identity_refusals(batch)) -%}
{% endmacro %}

{#- Rounds until one finds nothing to do. The bound is an alarm: nothing has been written yet, so nothing is lost. -#}
{% macro identity_run_rounds(batch) %}
  {%- set bound = batch.settings.identity_round_limit | int -%}
  {%- set state = namespace(written=1) -%}
  {%- for round_no in range(1, bound + 2) if state.written > 0 -%}
    {%- if round_no > bound -%}
      {%- do profiles_sync.identity_out_of_rounds(bound) -%}
    {%- endif -%}
    {% call statement('identity_round', fetch_result=true) %}
      insert into work_steps {{ profiles_sync.identity_round(batch, round_no) }}
    {% endcall %}
    {%- set state.written = profiles_sync.affected_rows('identity_round') -%}
    {%- do batch.update({'rounds': round_no}) -%}
  {%- endfor -%}
{% endmacro %}

{#- Says what ties the open events together, and the two ways out. -#}
{% macro identity_out_of_rounds(bound) %}
  {%- set widest = run_query(
    'select identifiers.external_id_type, identifiers.external_id_value, count(*) as n from work_open as touches'
    ~ " left join (select event_no from work_steps where kind = 'resolved') as done on done.event_no = touches.event_no"
    ~ ' inner join work_identifiers as identifiers on identifiers.label = touches.label and identifiers.set_no * '
    ~ profiles_sync.identity_stride() ~ ' + identifiers.rank_no = identifiers.label where done.event_no is null'
    ~ ' group by identifiers.external_id_type, identifiers.external_id_value'
    ~ ' order by n desc, identifiers.external_id_type, identifiers.external_id_value'
  ).rows -%}
  {%- if widest -%}
    {%- set names = [] -%}
    {%- for row in widest[:5] -%}
      {%- do names.append(row[0] ~ ' ' ~ tojson(row[1]) ~ ' (on ' ~ row[2] ~ ' open events)') -%}
    {%- endfor -%}
    {{ exceptions.raise_compiler_error(
      'Identity resolution did not end within ' ~ bound ~ ' rounds; nothing was written. The widest identifiers of the events still open: '
      ~ names | join(', ') ~ '. Block a value that many people share (rules/blocked_values.csv), or raise identity_round_limit, and sync again.'
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
