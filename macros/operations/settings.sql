{#- The settings in force, newest last: a list of {`version`, `from_event_no`, `settings`, `origin`}; version n holds from its event number up to
    the next one's. A sync records them before dbt runs. Where dbt works alone, they are composed here of the package's variables and rule
    seeds, and recorded when they changed; so a model that calls this must name the two seeds (`rule_seeds()`) as its dependencies.
    `facts`, scalar subqueries by name, are read in the same statement and stand beside the settings of each version. -#}
{% macro settings_versions(facts={}) %}
  {%- set versions = [] -%}
  {%- if execute -%}
    {%- set history = profiles_sync.contract_relation('settings_history') -%}
    {%- set origin = namespace(last='dbt', last_text='') -%}
    {%- for row in profiles_sync.recorded_settings(facts) -%}
      {%- do versions.append({'version': row[0] | int, 'from_event_no': row[1] | int, 'settings': fromjson(row[2]), 'origin': row[3]}) -%}
      {%- for name in facts -%} {%- do versions[-1].update({name: row[4 + loop.index0]}) -%} {%- endfor -%}
      {%- set origin.last = row[3] -%}
      {%- set origin.last_text = row[2] -%}
    {%- endfor -%}
    {%- if origin.last.split(':')[0] == 'dbt' and flags.WHICH in ('run', 'build') -%}
      {%- set composed = profiles_sync.compose_settings() -%}
      {%- if versions | length == 0 or fromjson(origin.last_text) != composed -%}
        {%- set version = (versions[-1].version + 1) if versions else 1 -%}
        {%- set from_event_no = profiles_sync.identity_watermark() + 1 if versions else 1 -%}
        {% call statement('record_settings') %}
          insert into {{ history }} (version, from_event_no, settings, origin, recorded_at)
          select {{ version }}, {{ from_event_no }}, {{ profiles_sync.text_literal(tojson(composed, sort_keys=true)) }}, 'dbt', {{ profiles_sync.now_utc() }}
        {% endcall %}
        {%- do profiles_sync.commit() -%}
        {%- do profiles_sync.forget_settings() -%}
        {{- return(profiles_sync.settings_versions(facts)) -}}
      {%- endif -%}
    {%- endif -%}
  {%- endif -%}
  {{- return(versions) -}}
{% endmacro %}

{#- Rows of `settings_history` (version, from_event_no, settings, origin), oldest first, with `facts` behind them. The run remembers them: those of
    identity are asked for before the first model (`fill_run_memory`). -#}
{% macro recorded_settings(facts={}) %}
  {%- set columns = ['version', 'from_event_no', 'settings', 'origin'] -%}
  {%- for name, subquery in facts.items() -%} {%- do columns.append('(' ~ subquery ~ ') as ' ~ name) -%} {%- endfor -%}
  {%- set memory = profiles_sync.run_memory() -%}
  {%- if 'settings_history' not in memory or memory.settings_history.facts | length < facts | length -%}
    {%- set rows = run_query(
      'select ' ~ columns | join(', ') ~ ' from ' ~ profiles_sync.contract_relation('settings_history') ~ ' order by version'
    ).rows -%}
    {%- do memory.update({'settings_history': {'facts': facts, 'rows': rows}}) -%}
  {%- endif -%}
  {{- return(memory.settings_history.rows) -}}
{% endmacro %}

{#- What was remembered of them no longer holds. -#}
{% macro forget_settings() %}
  {%- for name in ['settings_history', 'settings'] -%} {%- do profiles_sync.run_memory().pop(name, none) -%} {%- endfor -%}
{% endmacro %}

{#- After a rebuild with the rules of today: records that they hold for everything before, too, so that the next rebuild gives the same. -#}
{% macro record_current_rules() %}
  {%- set history = profiles_sync.contract_relation('settings_history') -%}
  {%- do run_query(
    'insert into ' ~ history ~ ' (version, from_event_no, settings, origin, recorded_at) select newest.version + 1, newest.from_event_no, '
    ~ 'newest.settings, ' ~ profiles_sync.concat_text(['newest.origin', profiles_sync.text_literal(':rebuild')]) ~ ', ' ~ profiles_sync.now_utc()
    ~ ' from ' ~ history ~ ' as newest where newest.version = (select max(version) from ' ~ history ~ ')'
  ) -%}
{% endmacro %}

{#- Names of the scalar settings: those of `vars: profiles_sync:` in dbt_project.yml. -#}
{% macro setting_names() %}
  {{- return([
    'merge_cap', 'mapping_cap', 'default_limit', 'default_window', 'use_recommended_blocks', 'auto_register_external_ids',
    'email_from_properties', 'strict_unify_limits', 'honor_warehouse_opt_out', 'event_filters', 'selective_sync', 'backfill_months',
    'traits_updates_only_on_change', 'max_event_tables', 'max_columns_per_table', 'portable_names', 'enable_users_accounts', 'bigquery_compat_views',
    'view_days', 'column_types', 'source_names', 'identity_round_limit',
  ]) -}}
{% endmacro %}

{#- Relation of a rule seed: the package's own, or the consumer's by `identity_rules_seed` and `blocked_values_seed`. -#}
{% macro rule_seed(name) %}
  {{- return(ref(var(name ~ '_seed', name))) -}}
{% endmacro %}

{#- One settings object of variables and seeds. -#}
{% macro compose_settings() %}
  {%- set settings = {'space_id': var('space_id', '') or profiles_sync.space_schema()} -%}
  {%- for name in profiles_sync.setting_names() -%}
    {%- do settings.update({name: var(name)}) -%}
  {%- endfor -%}
  {%- for seed in ['identity_rules', 'blocked_values'] -%}
    {%- set found = run_query('select * from ' ~ profiles_sync.rule_seed(seed)) -%}
    {%- set rows = [] -%}
    {#- The package's own seed is the recommended blocks. -#}
    {%- set left_out = seed == 'blocked_values' and var('blocked_values_seed', seed) == seed and not settings.use_recommended_blocks -%}
    {%- for row in found.rows if not left_out -%}
      {%- set item = {} -%}
      {%- for column in found.column_names -%}
        {%- set value = row[column] -%}
        {%- do item.update({column | lower: (value | int) if value is number and value is not boolean else ('' if value is none and column | lower in ('external_id_type', 'normalize', 'value') else value)}) -%}
      {%- endfor -%}
      {#- dbt loads the text `null` of a seed as NULL on most engines; a value is blank by mistake only. -#}
      {%- if item.get('kind') == 'exact' and not item.value -%} {%- do item.update({'value': 'null'}) -%} {%- endif -%}
      {%- do rows.append(item) -%}
    {%- endfor -%}
    {%- do settings.update({seed: rows}) -%}
  {%- endfor -%}
  {{- return(settings) -}}
{% endmacro %}

{#- Greatest event number that identity has committed; 0 before its first commit. -#}
{% macro identity_watermark() %}
  {#- That model itself asks too, and a model cannot refer to itself. -#}
  {%- set resolution = this if model.name == 'identity_resolution' else ref('profiles_sync', 'identity_resolution') -%}
  {%- set built = load_relation(resolution) -%}
  {{- return((run_query('select max(to_event_no) from ' ~ resolution).rows[0][0] or 0) | int if built is not none else 0) -}}
{% endmacro %}
