# findutils, sed, gawk, grep, gzip, xz, tar, diffutils and lua over a tree of 400 files.
for i in $(seq 400); do
  directory=tree/$((i % 7))/$((i % 5))
  [ -d $directory ] || mkdir -p $directory
  echo "file $i says $((i * i % 97)) $((i % 3 ? i : 0))" >$directory/$i.txt
done
ln -s ../tree/1 tree/link
ln tree/0/0/35.txt tree/hard
find tree -type f | wc -l
find tree -name '*7.txt' -size -2 -newer /etc/os-release | sort | tail -n 3
find tree -type f -print0 | sort -z | xargs -0 -n 50 cat | sha256sum
find tree -type l -printf '%p -> %l\n' -o -links 2 -type f -printf '%p %n %s\n' | sort
find tree -name '3*.txt' -exec grep -l 'says 9' {} + | sort | head -n 4
find tree/6 -type f -name '*1.txt' -delete
find tree -type f | wc -l
sed -n 's/^file \([0-9]*\) says \([0-9]*\).*/\2:\1/p' tree/1/*/*.txt | sort -t: -k1,1n -k2,2n | sed '3!d'
sed -i.before -e 's/says/SAYS/' -e '$a\end' tree/2/0/*.txt && ls tree/2/0 | grep -c before && cat tree/2/0/30.txt
gawk '{ sum[$4 % 10] += $2; n++ } END { for (i = 0; i < 10; i++) printf "%d:%d ", i, sum[i]; print n }' tree/*/*/*.txt
gawk 'BEGIN { "echo from a pipe" | getline line; print toupper(line); print "3\n1\n2" | "sort"; close("sort"); printf "%.10f %s\n", atan2(0, -1), strftime("%Y", 0, 1) }'
grep -rhoE '[0-9]+$' tree/3 | sort -n | uniq -c | tail -n 2
grep -rcP '(?<=says )(1|2)\b' tree/4/0 | sort | tail -n 2
cat tree/*/*/*.txt >all
for packer in gzip 'gzip -9' xz 'xz -9e' 'xz --format=lzma'; do
  $packer <all | tee packed | wc -c
  case $packer in gzip*) gzip -dc <packed ;; *) xz -dc <packed ;; esac | cmp - all && echo "$packer: same"
done
gzip -t packed 2>&1 || echo not gzip
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf all.tar tree && sha256sum <all.tar
for z in z J; do
  tar -c${z}f packed.tar tree && rm -rf copy && mkdir copy && tar -x${z}f packed.tar -C copy && diff -r --no-dereference tree copy/tree && echo "$z: same"
done
tar -tvf all.tar tree/link tree/hard | sed 's/.*tree/tree/'
echo changed >>copy/tree/1/1/1.txt && rm copy/tree/hard
diff -r --no-dereference -u tree copy/tree | sed '/^[-+][-+]/d'
cmp tree/1/1/1.txt copy/tree/1/1/1.txt || echo differ
lua5.4 - <<'LUA'
local words, n = {}, 0
for line in io.lines("all") do for w in line:gmatch("%a+") do words[w] = (words[w] or 0) + 1 end; n = n + #line end
local keys = {}
for k in pairs(words) do keys[#keys + 1] = k end
table.sort(keys)
for _, k in ipairs(keys) do print(k, words[k]) end
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i * i) end end)
print(n, co(), co(), co(), 7 // 2, 2 ^ 0.5, string.format("%q", "a\nb"), pcall(error, "thrown", 0))
local p = io.popen("echo $((6 * 7))"); print(p:read("n"), p:close())
local t = 0; for i = 1, 200000 do t = (t * 31 + i) % 1000003 end; print(t, os.time({ year = 2020, month = 1, day = 1, hour = 0 }))
LUA
