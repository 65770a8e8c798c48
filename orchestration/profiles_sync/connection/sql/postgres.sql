-- As an administrator, in the database $database. Choose the password.
create role "$user" login password '<password>';
grant connect, create, temporary on database "$database" to "$user";
-- The schemas $space, ${space}_staging and ${space}_ops are made by the first sync, and so belong to the role. Only where
-- they are made beforehand and belong to somebody else, the role needs in each of them:
--   grant usage, create on schema "$space" to "$user";
