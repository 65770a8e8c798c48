-- As an administrator: the login in the database master, the rest in $database. Choose the password.
create login [$user] with password = '<password>';
create user [$user] for login [$user];
grant create schema, create table, create view to [$user];
-- The schemas are made by the first sync, and so belong to the user.
