{#- Resolves one batch, all in work tables; `identity_write_batch` makes the result visible. A small batch goes through rounds as it is. A
    large one, or one that would take many rounds, is first rid of all that no limit can touch. -#}
{% macro identity_resolve_batch(batch) %}
  {%- set locations = profiles_sync.identifier_locations(batch.settings) -%}
  {%- do batch.update({'forest': false, 'contested': false, 'rounds': 0, 'trees': 0}) -%}
  {%- do profiles_sync.plan_for('lookups') -%}
  {%- do profiles_sync.create_work_table('work_events', profiles_sync.identity_new_events(batch, locations)) -%}
  {%- do profiles_sync.create_work_table('work_identifiers', profiles_sync.identity_identifiers(batch, locations)) -%}
  {%- set found = profiles_sync.query_work_tables(profiles_sync.identity_news(batch)).rows[0] -%}
  {%- for name in ['active', 'unfit', 'unruled', 'nameless', 'ignored', 'filtered', 'landed'] -%} {%- do batch.update({name: found[loop.index0] | int}) -%} {%- endfor -%}
  {%- set small = namespace(done=not batch.active) -%}
  {%- if batch.active and batch.landed < var('identity_forest_from') -%}
    {%- set small.done = profiles_sync.identity_resolve_in_rounds(batch) -%}
  {%- endif -%}
  {%- if not small.done -%}
    {%- do profiles_sync.identity_resolve_by_forest(batch) -%}
  {%- endif -%}
  {%- if batch.active -%}
    {%- set depth = namespace(steps=0, reach=1) -%}
    {#- No chain of merges is longer than the cap allows, nor than there are events; a pointer may stand before it. -#}
    {%- for i in range(40) if depth.reach < [batch.settings.merge_cap, batch.landed] | min + 2 -%}
      {%- set depth.steps = depth.steps + 1 -%}
      {%- set depth.reach = depth.reach * 2 -%}
    {%- endfor -%}
    {%- do profiles_sync.create_work_table('work_moves', profiles_sync.identity_moves(depth.steps)) -%}
  {%- endif -%}
{% endmacro %}

{#- Rounds over all active events. Returns whether they ended soon enough. -#}
{% macro identity_resolve_in_rounds(batch) %}
  {%- do profiles_sync.create_work_table('work_open', profiles_sync.identity_open_events()) -%}
  {%- do profiles_sync.create_work_table('work_sizes', profiles_sync.identity_sizes(batch, 'work_open')) -%}
  {%- do profiles_sync.plan_for('joins') -%}
  {{- return(profiles_sync.identity_run_rounds(batch, [batch.settings.identity_round_limit | int, var('identity_first_rounds')] | min)) -}}
{% endmacro %}

{#- The forest of all active sets; then rounds over the events of the contested components. -#}
{% macro identity_resolve_by_forest(batch) %}
  {%- do batch.update({'forest': true, 'rounds': 0}) -%}
  {%- do profiles_sync.create_work_table('work_touches', profiles_sync.identity_touches()) -%}
  {%- do profiles_sync.create_work_table('work_sizes', profiles_sync.identity_sizes(batch, 'work_touches')) -%}
  {%- do profiles_sync.plan_for('joins') -%}
  {%- do profiles_sync.create_work_table('work_links', profiles_sync.identity_links(batch)) -%}
  {%- do profiles_sync.create_work_table('work_anchors', profiles_sync.identity_anchors()) -%}
  {%- do profiles_sync.identity_grow_trees(batch) -%}
  {%- set contested = profiles_sync.create_work_table('work_contested', profiles_sync.identity_contested(batch, batch.trees)) -%}
  {%- do batch.update({'contested': profiles_sync.work_rows(contested) > 0}) -%}
  {%- if batch.contested -%}
    {%- do profiles_sync.create_work_table('work_open', profiles_sync.identity_contested_events(batch)) -%}
  {%- endif -%}
  {%- set uncontested = profiles_sync.identity_uncontested_steps(batch.trees, batch.contested) -%}
  {%- if not batch.contested -%}
    {%- do profiles_sync.create_work_table('work_steps', uncontested) -%}
  {%- elif profiles_sync.identity_run_rounds(batch, batch.settings.identity_round_limit | int) -%}
    {% call statement('uncontested_steps') %}
      {{ profiles_sync.insert_work_rows('work_steps', uncontested) }}
    {% endcall %}
  {%- else -%}
    {%- do profiles_sync.identity_out_of_rounds(batch) -%}
  {%- endif -%}
{% endmacro %}

{#- Boruvka's rounds until no edge is left between the cores, then `work_nodes`. Each round at least halves the trees that have edges. -#}
{% macro identity_grow_trees(batch) %}
  {%- set edges = profiles_sync.create_work_table('work_edges_1', profiles_sync.identity_edges()) -%}
  {%- set state = namespace(edges=profiles_sync.work_rows(edges)) -%}
  {%- for round_no in range(1, 64) if state.edges > 0 -%}
    {%- set depth = namespace(steps=0, reach=1) -%}
    {%- for i in range(10) if depth.reach < state.edges -%}
      {%- set depth.steps = depth.steps + 1 -%}
      {%- set depth.reach = depth.reach * 2 -%}
    {%- endfor -%}
    {%- set tree = 'work_tree_' ~ round_no -%}
    {%- do profiles_sync.create_work_table(tree, profiles_sync.identity_tree(round_no, depth.steps)) -%}
    {%- set short = namespace(ways=depth.reach < state.edges) -%}
    {%- for i in range(64) if short.ways -%}
      {%- set short.ways = profiles_sync.query_work_tables(
        'select count(*) from ' ~ tree ~ ' as near inner join ' ~ tree ~ ' as further on further.node = near.parent where further.parent <> further.node'
      ).rows[0][0] | int > 0 -%}
      {%- if short.ways -%}
        {%- do profiles_sync.create_work_table('work_longer_tree', profiles_sync.identity_longer_tree(round_no)) -%}
        {%- do profiles_sync.create_work_table(tree, 'select node, joined_at, parent from work_longer_tree') -%}
      {%- endif -%}
    {%- endfor -%}
    {%- do batch.update({'trees': round_no}) -%}
    {%- if state.edges > 1 -%}
      {%- set edges = profiles_sync.create_work_table('work_edges_' ~ (round_no + 1), profiles_sync.identity_contracted_edges(round_no)) -%}
      {%- set state.edges = profiles_sync.work_rows(edges) -%}
    {%- else -%}
      {%- set state.edges = 0 -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if batch.trees -%}
    {%- do profiles_sync.create_work_table('work_nodes', profiles_sync.identity_nodes(batch.trees)) -%}
  {%- endif -%}
{% endmacro %}

{#- Rounds until one finds nothing to do; returns whether that came within `bound` of them. -#}
{% macro identity_run_rounds(batch, bound) %}
  {%- set state = namespace(written=1) -%}
  {%- for round_no in range(1, bound + 2) if state.written > 0 -%}
    {%- if round_no == 1 -%}
      {#- The first of the open events has nothing to wait for, so this one always finds something. -#}
      {%- do profiles_sync.create_work_table('work_steps', profiles_sync.identity_round(batch, round_no)) -%}
    {%- else -%}
      {% call statement('identity_round', fetch_result=true) %}
        {{ profiles_sync.insert_work_rows('work_steps', profiles_sync.identity_round(batch, round_no)) }}
      {% endcall %}
      {%- set state.written = profiles_sync.affected_rows('identity_round') -%}
    {%- endif -%}
    {%- do batch.update({'rounds': round_no}) -%}
  {%- endfor -%}
  {{- return(state.written == 0) -}}
{% endmacro %}

{#- The bound is an alarm: nothing has been written, so nothing is lost. Says what ties the open events together, and the two ways out. -#}
{% macro identity_out_of_rounds(batch) %}
  {%- set widest = profiles_sync.query_work_tables(
    'select identifiers.external_id_type, identifiers.external_id_value, count(*) as n from work_open as touches'
    ~ " left join (select event_no from work_steps where kind = 'resolved') as done on done.event_no = touches.event_no"
    ~ ' inner join work_identifiers as identifiers on identifiers.label = touches.label and identifiers.set_no * '
    ~ profiles_sync.identity_stride() ~ ' + identifiers.rank_no = identifiers.label where done.event_no is null'
    ~ ' group by identifiers.external_id_type, identifiers.external_id_value'
    ~ ' order by n desc, identifiers.external_id_type, identifiers.external_id_value'
  ).rows -%}
  {%- set names = [] -%}
  {%- for row in widest[:5] -%}
    {%- do names.append(row[0] ~ ' ' ~ tojson(row[1]) ~ ' (on ' ~ row[2] ~ ' open events)') -%}
  {%- endfor -%}
  {{ exceptions.raise_compiler_error(
    'Identity resolution did not end within ' ~ batch.settings.identity_round_limit ~ ' rounds; nothing was written. The widest identifiers of '
    ~ 'the events still open: ' ~ names | join(', ')
    ~ '. Block a value that many people share (rules/blocked_values.csv), or raise identity_round_limit, and sync again.'
  ) }}
{% endmacro %}
