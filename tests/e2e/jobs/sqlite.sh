# sqlite3: what its speed test does, in small: inserts, indexes, joins, updates, transactions, full-text search, WAL.
for mode in delete wal; do
  sqlite3 $mode.db <<SQL
pragma journal_mode=$mode;
create table t1(a integer primary key, b integer, c text);
create table t2(a integer, b integer, c text);
create index i2a on t2(a); create index i2b on t2(b);
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
  insert into t1 select i, i * 7919 % 10007, printf('number %d of five thousand', i * 7919 % 10007) from n;
insert into t2 select b, a, c from t1 order by c;
commit;
select count(*), avg(b), max(c) from t1;
select count(*), sum(t1.a) from t1, t2 where t1.b = t2.a and t2.b between 100 and 2000;
select count(*) from t1 where c like '%77%';
update t2 set c = upper(c) where b % 3 = 0;
delete from t1 where b % 5 = 0;
select a % 7, count(*), group_concat(a % 3) from (select * from t1 where a < 50 order by a) group by 1;
begin; delete from t2; rollback; select count(*), length(group_concat(c)) from t2;
create virtual table words using fts5(c); insert into words select c from t2 limit 500;
select count(*) from words where words match 'thousand AND number';
select json_extract('{"a":[1,2,{"b":7}]}', '\$.a[2].b'), hex(zeroblob(3)), round(sqrt(2), 6);
vacuum; pragma integrity_check; pragma page_count;
SQL
done
for i in $(seq 20); do echo "insert into t1 values(NULL, $i, 'separate');"; done | sqlite3 delete.db
sqlite3 -csv -header delete.db "select count(*) as n, sum(b) from t1 where c = 'separate'"
for i in 1 2 3 4; do
  for j in $(seq 10); do echo "insert into t1 values(NULL, $j, 'from $i');"; done | sqlite3 -cmd '.timeout 60000' wal.db &
done
wait
sqlite3 wal.db "select c, count(*) from t1 where c like 'from%' group by c order by c; pragma integrity_check;" "select b, c from t1 order by b, c" | sha256sum
sqlite3 wal.db .dump | sqlite3 again.db && sqlite3 again.db 'select count(*) from t2; pragma integrity_check'
