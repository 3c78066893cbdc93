# transactions.sh: one after the other into /data/db, each of 400 rows that do not fit into the cache, and a line when one is committed.
{
  echo 'pragma cache_size = 10; create table if not exists t(batch integer, row integer, filler text);'
  for i in $(seq 1000); do
    echo "begin; with recursive n(i) as (select 1 union all select i + 1 from n where i < 400) insert into t select $i, i, hex(randomblob(100)) from n; commit;"
    echo ".system echo $i"
  done
} | sqlite3 /data/db
