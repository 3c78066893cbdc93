// SPDX-License-Identifier: BSD-2-Clause
// Writes where it starts, where no other test has written, and where others do.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
	for (const char *const *name = (const char *const[]){"mine", "/tmp/mine", "directory/deep", 0}; *name; ++name) {
		if (name[0][0] == 'd' && mkdir("directory", 0755)) return 2;
		int file = open(*name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (file < 0 || write(file, "x", 1) != 1) {
			perror(*name);
			return 1;
		}
	}
	// What is there may be changed as well.
	int data = open("data.txt", O_WRONLY | O_APPEND);
	return geteuid() == 0 ? data < 0 || write(data, "changed\n", 8) != 8 : 0;
}
