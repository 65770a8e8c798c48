-- What Redshift has and Postgres lacks, as far as dbt-redshift and this project use it. SUPER is `json`: it keeps keys in their order.
set allow_system_table_mods = on;
set search_path = pg_catalog;

create function sha2(value text, bits int) returns text immutable strict language sql as $$ select encode(sha256(convert_to(value, 'UTF8')), 'hex') $$;
-- The project spells SHA-1 out for a Postgres without pgcrypto: `sha1_hex`, made before.
create function sha1(value text) returns text immutable strict language sql as $$ select sha1_hex(value) $$;

create function dateadd(part text, n bigint, moment timestamp) returns timestamp immutable strict language sql as $$ select moment + n * ('1 ' || part)::interval $$;
create function datediff(part text, since timestamp, upto timestamp) returns bigint immutable strict language sql as $$
  select (extract(epoch from upto - since) * 1000000)::bigint where part = 'microsecond'
$$;
create function last_day(day date) returns date immutable strict language sql as $$ select (date_trunc('month', day) + interval '1 month - 1 day')::date $$;
create function getdate() returns timestamp stable language sql as $$ select date_trunc('second', now() at time zone 'UTC') $$;
-- Blank where Postgres gives NULL.
create function rs_regexp_substr(value text, pattern text) returns text immutable strict language sql as $$ select coalesce(pg_catalog.regexp_substr(value, pattern), '') $$;
create function rs_try_bigint(value text) returns bigint immutable language plpgsql as $$ begin return value::bigint; exception when others then return null; end $$;
create function rs_try_float(value text) returns double precision immutable language plpgsql as $$ begin return value::float8; exception when others then return null; end $$;

create function json_parse(document text) returns json immutable strict language sql as $$ select document::json $$;
create function json_serialize(value json) returns text immutable strict language plpgsql as $$
declare
  kind constant text := json_typeof(value);
begin
  if kind = 'object' then
    return '{' || coalesce((select string_agg(to_json(member.key)::text || ':' || json_serialize(member.value), ',' order by member.place)
      from json_each(value) with ordinality as member (key, value, place)), '') || '}';
  elsif kind = 'array' then
    return '[' || coalesce((select string_agg(json_serialize(item.value), ',' order by item.place)
      from json_array_elements(value) with ordinality as item (value, place)), '') || ']';
  elsif kind = 'string' then
    return to_json(value #>> '{}')::text;
  end if;
  return trim(value::text);
end $$;
create function rs_super_text(value json) returns varchar immutable strict language sql as $$
  select case when json_typeof(value) not in ('object', 'array', 'null', 'boolean') then value #>> '{}' end
$$;
create cast (json as varchar) with function rs_super_text(json);

create function pg_get_late_binding_view_cols() returns setof record stable language sql as $$ select null::name, null::name, null::name, null::varchar, null::int where false $$;
alter view information_schema.columns rename to columns_pg;
do $$ begin
  execute (select 'create view information_schema.columns as select ' || string_agg(case when column_name = 'data_type'
      then 'case when data_type = ''json'' then ''super''::information_schema.character_data else data_type end as data_type'
      else quote_ident(column_name) end, ', ' order by ordinal_position)
    || ' from information_schema.columns_pg' from information_schema.columns_pg where table_schema = 'information_schema' and table_name = 'columns_pg');
end $$;
grant select on information_schema.columns to public;
create view svv_external_columns as select ''::varchar redshift_database_name, ''::varchar schemaname, ''::varchar tablename, ''::varchar columnname, ''::varchar external_type, 0 columnnum, 0 part_key, ''::varchar is_nullable where false;
create view svv_external_tables as select ''::varchar schemaname, ''::varchar tablename where false;
create view svv_external_schemas as select ''::varchar schemaname where false;
create view svv_tables as select table_catalog, table_schema, table_name, table_type, null::text remarks from information_schema.tables;
create view svv_columns as select table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, data_type, character_maximum_length, numeric_precision, numeric_scale, null::text remarks from information_schema.columns;
create view svv_all_tables as select table_catalog database_name, table_schema schema_name, table_name, table_type, null::text table_acl, null::text remarks from information_schema.tables;
create view svv_all_columns as select table_catalog database_name, table_schema schema_name, table_name, column_name, ordinal_position, column_default, is_nullable, data_type, character_maximum_length, numeric_precision, numeric_scale, null::text remarks from information_schema.columns;
create view svv_redshift_tables as select table_catalog database_name, table_schema schema_name, table_name, table_type, null::text table_acl, null::text remarks from information_schema.tables;
create view svv_redshift_columns as select table_catalog database_name, table_schema schema_name, table_name, column_name, ordinal_position, data_type from information_schema.columns;
create view svv_relation_privileges as select table_schema namespace_name, table_name relation_name, privilege_type, null::int identity_id, grantee identity_name, 'user'::text identity_type, false admin_option from information_schema.role_table_grants;
create view svv_mv_info as select current_database()::text database_name, schemaname::text schema_name, ''::text user_name, matviewname::text as name, 'f'::text is_stale, '1'::text state, 'f'::text autorewrite, 'f'::text autorefresh from pg_matviews;
create view svv_table_info as select current_database()::text as database, schemaname::text as "schema", tablename::text as "table", 'N'::text as encoded, 'EVEN'::text as diststyle, null::text as sortkey1, 1 as size, 0 as tbl_rows from pg_tables;
