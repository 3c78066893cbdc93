# make and gcc: cpp, cc1, as, ar and ld make a program and a library of seven files, and it runs.
mkdir src && cd src
for i in 1 2 3 4; do
  printf '#include "all.h"\nlong part%d(long n) { long s = 0; for (long i = 1; i <= n; ++i) s = (s * 31 + i * %d) %% 1000003; return s; }\n' $i $i >part$i.c
done
printf 'long part1(long), part2(long), part3(long), part4(long);\n#define GREETING "compiled inside"\n' >all.h
cat >plug.c <<'C'
#include <stdio.h>
__thread int mine = 3;
int plugged(int by) { return mine += by; }
C
cat >main.c <<'C'
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "all.h"
static void* run(void* n) { return (void*)part2((long)n); }
int main(int argc, char** argv) {
  pthread_t t; void* r;
  printf("%s %d %s\n", GREETING, argc, argv[argc - 1]);
  pthread_create(&t, 0, run, (void*)1000); pthread_join(t, &r);
  printf("%ld %ld %ld %.12f\n", part1(1000), (long)r, part3(10) + part4(10), sqrt(2) * sin(1));
  int (*plugged)(int) = (int (*)(int))dlsym(dlopen("./libplug.so", RTLD_NOW), "plugged");
  printf("%d\n", plugged(4)); fflush(stdout);
  if (fork() == 0) _exit(17);
  int status; wait(&status); return WEXITSTATUS(status);
}
C
cat >Makefile <<'M'
CFLAGS = -O2 -Wall -pipe
OBJECTS = $(patsubst %.c,%.o,$(wildcard part*.c))
prog: main.o libparts.a libplug.so ; gcc -o $@ main.o -L. -lparts -lm
libparts.a: $(OBJECTS) ; ar rcsD $@ $^
libplug.so: plug.c ; gcc -shared -fPIC -g -o $@ $<
%.o: %.c all.h ; gcc $(CFLAGS) -c $< -o $@
clean: ; rm -f *.o *.a *.so prog
.PHONY: clean
M
make -s -j 3 && ./prog one two; echo "status $?"
make; touch all.h; make -n | wc -l
sha256sum *.o libparts.a prog
objdump -d part1.o | grep -cw rem; nm -D libplug.so | grep -o 'T plugged'; size prog | tail -n 1; strip prog && ./prog >/dev/null; echo "stripped $?"
echo 'int main(void) { return undeclared; }' | gcc -xc - 2>&1 | grep -o "error: .*"; echo "gcc ${PIPESTATUS[1]}"
echo 'int f(int*p){return p[0]+p[1];}' | gcc -O2 -S -xc - -o - | grep -E '^\s+(lw|add)' | wc -l
