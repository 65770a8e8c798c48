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
    {%- set delta = profiles_sync.create_work_table(profiles_sync.table_name(this) ~ '__delta', sql) -%}
    {%- set transaction = profiles_sync.new_transaction() -%}
    {%- if profiles_sync.work_rows(delta) %}
      {%- set names = header.names or (adapter.get_columns_in_relation(target_relation) | map(attribute='name') | list) -%}
      {%- if config.get('meta', {}).get('deletes') %}
        {% call profiles_sync.write_step(transaction, 'delete') %}
          {{ profiles_sync.delete_matching(target_relation, "(select * from " ~ delta ~ " where _action = 'delete')", key) }}
        {% endcall %}
      {%- endif %}
      {% call profiles_sync.write_step(transaction, 'replace') %}
        {{ profiles_sync.delete_matching(target_relation, delta, key) }}
      {% endcall %}
      {% call profiles_sync.write_step(transaction, 'add') %}
        insert into {{ target_relation }} ({{ profiles_sync.column_list(names) }})
        select {{ profiles_sync.column_list(names, 'change') }} from {{ delta }} as change where change._action = 'upsert'
      {% endcall %}
    {%- endif %}
    {%- do profiles_sync.move_watermark(header.slice, transaction) -%}
    {%- do profiles_sync.commit_transaction(transaction) -%}
    {%- set updated = profiles_sync.written(transaction, 'replace') -%}
    {%- do rows.update({
      'deleted': profiles_sync.written(transaction, 'delete'), 'updated': updated, 'inserted': profiles_sync.written(transaction, 'add') - updated,
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
