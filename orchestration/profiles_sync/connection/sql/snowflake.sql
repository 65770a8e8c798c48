-- As ACCOUNTADMIN, or a role that may create warehouses, databases, roles and users.
create warehouse if not exists "$compute" warehouse_size = 'XSMALL' auto_suspend = 600 auto_resume = true initially_suspended = true;
create database if not exists "$database";
create role if not exists "$role";
-- Key-pair authentication: the public key without its first and last line.
create user if not exists "$user" default_role = "$role" default_warehouse = "$compute" rsa_public_key = '<public key>';
grant usage on warehouse "$compute" to role "$role";
grant usage on database "$database" to role "$role";
grant create schema on database "$database" to role "$role";
grant role "$role" to user "$user";
-- The schemas are made by the first sync, and so belong to the role.
