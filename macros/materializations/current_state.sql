{#- Table of the present state by key: the keys touched since its watermark are replaced or deleted, and the watermark moved, in one
    transaction.

    The model gives one row per touched key, all columns of the table, and `_action`: `upsert` or `delete`. It begins with
    `slice_header(event_slice())`. Config: `unique_key` (required), `indexes`, `meta.deletes` (it may delete). -#}
{% materialization current_state, default %}
  {%- set header = profiles_sync.read_slice_header(sql) -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set key = config.require('unique_key') -%}
  {%- set key = [key] if key is string else key -%}

  {{ run_hooks(pre_hooks) }}

  {%- do profiles_sync.plan_for('lookups') -%}

  {%- set rows = {'inserted': 0, 'updated': 0, 'deleted': 0} -%}
  {%- set kept = header.slice.off and profiles_sync.shadow_suffix() -%}
  {%- if kept -%}
    {#- A rebuild leaves a table that is switched off as it is. -#}
    {%- set state = profiles_sync.contract_relation('table_state') -%}
    {%- do run_query(
      'insert into ' ~ state ~ ' (table_name, last_event_no, received_from, uuid_ts) select table_name, last_event_no, received_from, uuid_ts from '
      ~ profiles_sync.live_relation('table_state') ~ ' where table_name = ' ~ profiles_sync.text_literal(profiles_sync.table_name(this))
    ) -%}
  {%- elif existing is none -%}
    {%- set shape = adapter.get_column_schema_from_query('select * from (' ~ sql ~ ') as shape where 1 = 0') -%}
    {%- set names = shape | map(attribute='name') | map('lower') | reject('equalto', '_action') | list -%}
    {%- do profiles_sync.create_empty_table(target_relation, sql, key, config.get('indexes'), names) -%}
  {%- endif -%}
  {%- set new_columns = [] if kept else profiles_sync.fit_columns(target_relation, header.columns) -%}

  {%- if profiles_sync.has_work(header.slice) -%}
    {%- set transaction = profiles_sync.new_transaction() -%}
    {%- set names = header.names or (adapter.get_columns_in_relation(target_relation) | map(attribute='name') | list) -%}
    {%- do profiles_sync.replace_rows(
      transaction, target_relation, sql, key, names, config.get('meta', {}).get('deletes', false), name=profiles_sync.table_name(this) ~ '__delta'
    ) -%}
    {%- do profiles_sync.move_watermark(header.slice, transaction) -%}
    {%- do profiles_sync.commit_transaction(transaction) -%}
    {%- set replaced = profiles_sync.written(transaction, 'replaced') -%}
    {%- do rows.update({
      'deleted': profiles_sync.written(transaction, 'deleted'), 'updated': replaced, 'inserted': profiles_sync.written(transaction, 'added') - replaced,
    }) -%}
  {%- else -%}
    {%- do profiles_sync.commit() -%}
  {%- endif -%}

  {{ run_hooks(post_hooks) }}
  {%- do profiles_sync.finish_table(
    target_relation, target_relation if kept else existing, rows, new_columns, {'slice': header.slice}
  ) -%}
  {{ return({'relations': [] if kept else [target_relation]}) }}
{% endmaterialization %}
