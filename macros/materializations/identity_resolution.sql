{#- Resolves the events above its last commit and writes state, ledgers and the commit in one transaction (docs/identity-resolution.md).
    The model's select gives the shape of the commit table. -#}
{% materialization identity_resolution, default %}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- if should_full_refresh() or (flags.FULL_REFRESH and not profiles_sync.shadow_suffix()) -%}
    {{ exceptions.raise_compiler_error(
      'Identity state is not rebuilt by `dbt --full-refresh`. Use `profiles-sync rebuild`, which replays the landed events beside the live tables.'
    ) }}
  {%- endif -%}

  {{ run_hooks(pre_hooks) }}

  {%- if existing is none -%}
    {%- do profiles_sync.create_empty_table(target_relation, sql, ['to_event_no'], none) -%}
    {%- do profiles_sync.commit() -%}
  {%- endif -%}

  {%- set counts = {'events': 0, 'duplicates': 0, 'filtered': 0, 'profiles_created': 0, 'profiles_merged': 0, 'violations': 0} -%}
  {%- set done = namespace(commits=0, first=true, upto=0) -%}
  {%- set versions = profiles_sync.settings_versions(profiles_sync.identity_position(target_relation)) -%}
  {%- set found = versions[-1] -%}
  {%- set after, last_no, last_action_no = (found.after or 0) | int, (found.last_no or 0) | int, (found.last_action_no or 0) | int -%}
  {%- if last_no - after > after / 10 -%}
    {#- So much has landed that a planner's idea of the table no longer holds; the others have their statistics from the last commit. -#}
    {%- do profiles_sync.refresh_statistics([profiles_sync.contract_relation('raw_events')]) -%}
  {%- endif -%}
  {%- set actions = profiles_sync.identity_actions_after(after) if last_action_no > after else [] -%}
  {%- set done.upto = after -%}
  {%- for batch in profiles_sync.identity_batches(versions, after, [last_no, last_action_no] | max, actions) -%}
    {#- The clock goes on from the commit before. -#}
    {%- do batch.update({
      'clock_ms': found.clock_ms if done.first else run_query('select max(commits.clock_ms) from ' ~ target_relation ~ ' as commits').rows[0][0]
    }) -%}
    {%- set done.first = false -%}
    {%- do profiles_sync.identity_resolve_batch(batch) -%}
    {%- set written = profiles_sync.identity_write_batch(batch, target_relation) -%}
    {%- for name in counts -%}
      {%- do counts.update({name: counts[name] + written[name]}) -%}
    {%- endfor -%}
    {%- set done.commits = done.commits + 1 -%}
    {%- set done.upto = batch.upto -%}
  {%- endfor -%}
  {%- do profiles_sync.run_memory().update({'resolved_upto': done.upto}) -%}
  {%- if done.commits -%}
    {#- As ever, for what comes next on this connection. -#}
    {%- do profiles_sync.plan_for('lookups') -%}
    {%- set written = [profiles_sync.contract_relation('raw_events')] -%}
    {%- for name in ['events', 'profiles', 'canonical', 'graph_log', 'mapping_log'] -%}
      {%- do written.append(profiles_sync.contract_relation('identity_' ~ name)) -%}
    {%- endfor -%}
    {%- do profiles_sync.refresh_statistics(written) -%}
    {%- do profiles_sync.commit() -%}
  {%- endif -%}

  {{ run_hooks(post_hooks) }}
  {%- do profiles_sync.finish_table(
    target_relation, existing, {'inserted': done.commits, 'updated': 0, 'deleted': 0}, [], {'identity': counts}
  ) -%}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- Subqueries that say where resolution stands: its last commit and its clock, the last event and the last action on an identity. -#}
{% macro identity_position(resolution) %}
  {{- return({
    'after': 'select max(commits.to_event_no) from ' ~ resolution ~ ' as commits',
    'clock_ms': 'select max(commits.clock_ms) from ' ~ resolution ~ ' as commits',
    'last_no': 'select max(landed.event_no) from ' ~ profiles_sync.contract_relation('raw_events') ~ ' as landed',
    'last_action_no': 'select max(actions.event_no) from ' ~ profiles_sync.contract_relation('identity_actions') ~ ' as actions',
  }) -}}
{% endmacro %}
