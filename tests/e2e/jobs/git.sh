# git: 200 commits on two branches, a merge, gc, a clone by path.
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org
git init -q -b main work && cd work && git config gc.auto 0
for i in $(seq 190); do
  at="$((1700000000 + i)) +0100" text="commit $i"
  printf 'commit refs/heads/main\nmark :%d\nauthor A <a@example.org> %s\ncommitter C <c@example.org> %s\ndata %d\n%s\n' "$i" "$at" "$at" ${#text} "$text"
  [ "$i" -eq 1 ] || echo "from :$((i - 1))"
  text=$(seq $((i % 9)) 9 "$i")
  printf 'M 100644 inline file%d\ndata %d\n%s\nM 100644 inline d%d/last\ndata %d\n%s\n' $((i % 9)) ${#text} "$text" $((i % 4)) ${#i} "$i"
  [ "$i" -ne 100 ] || echo 'reset refs/heads/side' "from :100"
done | sed 's|reset refs/heads/side |reset refs/heads/side\n|' | git fast-import --quiet && git reset -q --hard && git status --short
for i in $(seq 191 200); do
  echo "line $i" >>file$((i % 9)); echo $i >d$((i % 4))/last
  export GIT_AUTHOR_DATE="$((1700000000 + i)) +0100" GIT_COMMITTER_DATE="$((1700000000 + i)) +0000"
  git commit -q -a -m "commit $i"
done
git rev-parse HEAD side
git checkout -q side && echo other >new && git add new && git commit -q -m "commit 201"
git merge -q -m merge main >/dev/null && git rev-parse HEAD
git log --oneline | wc -l
git count-objects | cut -d' ' -f1
git gc -q && git count-objects -v | grep -v size
git fsck --full --strict 2>&1; echo "fsck $?"
git log --format=%s --graph -n 4
git blame -s file3 | tail -n 2
git diff --stat main~3 main | cat
git grep -n 'line 19[0-9]' main | wc -l
git tag -a v1 -m one main && git describe --tags side
cd .. && git clone -q work copy && git -C copy rev-parse HEAD origin/main && git -C copy fsck
git clone -q --bare --no-local --depth 5 "file://$PWD/work" bare.git 2>&1; git -C bare.git log --oneline | wc -l
cd copy && echo more >>file1 && git stash -q && git stash pop -q && git status --short && git commit -qam more && git push -q origin HEAD:refs/heads/pushed && git -C ../work rev-parse --verify -q pushed >/dev/null && echo pushed
git archive main 2>/dev/null | wc -c; git bundle create -q ../b origin/main && git bundle verify -q ../b; echo "bundle $?"
git -C ../work rebase -q main side 2>&1 | tail -n 1; git -C ../work log --oneline main..side | wc -l
