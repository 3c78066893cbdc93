// SPDX-License-Identifier: BSD-2-Clause
// The loader, the C library, a library beside it that it is linked with, and one that it opens.
#include <dlfcn.h>
#include <stdio.h>

int beside(void);

int main(void) {
	void *plugin = dlopen("./libplugin.so", RTLD_NOW);
	if (!plugin) {
		puts(dlerror());
		return 1;
	}
	int (*answer)(void) = (int (*)(void))dlsym(plugin, "answer");
	return answer && answer() + beside() == 42 ? 0 : 1;
}
