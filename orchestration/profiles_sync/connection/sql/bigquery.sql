-- As the project's owner. The service account also needs the role BigQuery Job User on the project:
--   gcloud projects add-iam-policy-binding $project --member=serviceAccount:$user --role=roles/bigquery.jobUser
-- With `reader_roles` it needs roles/bigquery.dataOwner on $space instead of dataEditor (bigquery.datasets.update); to drop the schemas
-- with `warehouse delete --drop-schema`, on all three (bigquery.datasets.delete).
-- No default table expiration: older rows would vanish.
create schema if not exists `$project`.`$space` options (location = '$location');
create schema if not exists `$project`.`${space}_staging` options (location = '$location');
create schema if not exists `$project`.`${space}_ops` options (location = '$location');
grant `roles/bigquery.dataEditor` on schema `$project`.`$space` to 'serviceAccount:$user';
grant `roles/bigquery.dataEditor` on schema `$project`.`${space}_staging` to 'serviceAccount:$user';
grant `roles/bigquery.dataEditor` on schema `$project`.`${space}_ops` to 'serviceAccount:$user';
