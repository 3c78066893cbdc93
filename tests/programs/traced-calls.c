// SPDX-License-Identifier: BSD-2-Clause
// Makes calls whose arguments point to structures with pointers in them. pl-run --strace and strace itself on Linux show them alike, but
// for addresses, process ids and times.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void handle(int number) { (void)number; }

static void vectors(const int pair[2]) {
	struct iovec out[] = {{"hello", 5}, {"world!\n", 7}};
	char small[4], large[40];
	struct iovec in[] = {{small, sizeof small}, {large, sizeof large}, {large, 5}};
	writev(pair[0], out, COUNT(out));
	readv(pair[1], in, COUNT(in));
	readv(99, in, 1);
}

static void messages(const int pair[2]) {
	const int on = 1;
	setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
	struct iovec out[] = {{"hello", 5}, {"a text that is longer than 32 bytes are", 39}};
	char small[4], large[60];
	struct iovec in[] = {{small, sizeof small}, {large, sizeof large}};
	union {
		char room[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr message = {.msg_iov = out, .msg_iovlen = COUNT(out), .msg_control = control.room, .msg_controllen = sizeof control.room};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(rights), (int[]){0, 1}, 2 * sizeof(int));
	sendmsg(pair[0], &message, MSG_NOSIGNAL);
	char received[200];
	message = (struct msghdr){.msg_iov = in, .msg_iovlen = COUNT(in), .msg_control = received, .msg_controllen = sizeof received};
	recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC);
	recvmsg(pair[1], &message, MSG_DONTWAIT);
	struct mmsghdr many[] = {{.msg_hdr = {.msg_iov = out, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = out + 1, .msg_iovlen = 1}}};
	syscall(SYS_sendmmsg, pair[0], many, COUNT(many), 0);
	const int unnamed = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un nobody = {.sun_family = AF_UNIX, .sun_path = "/nobody"};
	message = (struct msghdr){.msg_name = &nobody, .msg_namelen = sizeof nobody.sun_family + 8, .msg_iov = out, .msg_iovlen = 1};
	sendmsg(unnamed, &message, 0);
	close(unnamed);
}

static void waiting(const int pair[2]) {
	fd_set in, out;
	FD_ZERO(&in);
	FD_SET(pair[0], &in);
	FD_SET(pair[1], &in);
	out = in;
	syscall(SYS_pselect6, pair[1] + 1, NULL, &out, NULL, NULL, NULL);
	FD_CLR(pair[1], &in);
	struct timespec nothing = {0};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pselect(pair[0] + 1, &in, NULL, NULL, &nothing, &set);
	int word = 1;
	syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, 0, 0);
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, 5, 6, 7);
	const struct timespec moment = {0, 1000};
	struct epoll_event event = {.events = EPOLLOUT, .data.fd = 5}, events[2];
	const int epoll = epoll_create1(0);
	epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event);
	syscall(SYS_epoll_pwait2, epoll, events, COUNT(events), &moment, NULL, 8);
	epoll_ctl(epoll, EPOLL_CTL_DEL, pair[1], NULL);
	syscall(SYS_epoll_pwait2, epoll, events, COUNT(events), &moment, &set, 8);
	syscall(SYS_epoll_pwait2, epoll, events, COUNT(events), &nothing, NULL, 8);
	close(epoll);
	syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 1, &moment, 0, -1);
	syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 2, &word, 7);
}

static void files(void) {
	utimensat(AT_FDCWD, "/nowhere", (struct timespec[]){{0, UTIME_NOW}, {0, UTIME_OMIT}}, 0);
	utimensat(AT_FDCWD, "/nowhere", (struct timespec[]){{0, 5}, {86400, 0}}, AT_SYMLINK_NOFOLLOW);
	mkdir("/tmp/traced", 0700);
	const int directory = open("/tmp/traced", O_RDONLY | O_DIRECTORY);
	close(openat(directory, "one", O_CREAT | O_WRONLY, 0600));
	char entries[1024];
	syscall(SYS_getdents64, directory, entries, sizeof entries);
	syscall(SYS_getdents64, directory, entries, sizeof entries);
	unlinkat(directory, "one", 0);
	rmdir("/tmp/traced");
	close(directory);
}

static void signals(void) {
	signal(SIGUSR1, handle);
	signal(SIGCHLD, handle);
	kill(getpid(), SIGUSR1);
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 7});
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 8});
	siginfo_t information;
	const struct timespec moment = {0, 1000};
	sigtimedwait(&set, &information, &moment);
	sigtimedwait(&set, &information, &moment);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	const pid_t child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!child) _exit(3);
	waitid(P_PID, child, &information, WEXITED);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void attributes(void) {
	char name[16];
	int value;
	prctl(PR_SET_NAME, "a name of twenty letters");
	prctl(PR_GET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_GET_PDEATHSIG, &value);
	prctl(PR_SET_PDEATHSIG, 0);
	prctl(PR_GET_PDEATHSIG, &value);
	prctl(PR_GET_DUMPABLE);
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	prctl(PR_GET_CHILD_SUBREAPER, &value);
	prctl(PR_SET_TIMERSLACK, 50000);
	prctl(PR_GET_KEEPCAPS);
	prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_NAME, NULL);
}

static void *end_alone(void *argument) {
	char byte;
	read(*(const int *)argument, &byte, 1);
	syscall(SYS_exit, 5);
	return NULL;
}

static void *stay_in_a_call(void *argument) {
	char byte;
	for (;;) read(*(const int *)argument, &byte, 1);
	return NULL;
}

// Ends of each kind. What a signal comes between would be chance, so it waits until it is let in.
static void processes(void) {
	int status, pair[2];
	pipe(pair);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (int way = 0; way < 3; ++way) {
		sigprocmask(SIG_BLOCK, &set, NULL);
		const pid_t child = fork();
		if (!child) {
			char byte;
			read(pair[0], &byte, 1);
			if (way == 0) _exit(3);
			raise(way == 1 ? SIGSTOP : SIGABRT);
		}
		write(pair[1], "x", 1);
		if (way == 1) {
			waitpid(child, &status, WUNTRACED);
			kill(child, SIGKILL);
		}
		waitpid(child, &status, 0);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	pthread_t id;
	pthread_create(&id, NULL, end_alone, pair);
	write(pair[1], "x", 1);
	const struct timespec until_it_has = {0, 50000000};
	nanosleep(&until_it_has, NULL);
	pthread_create(&id, NULL, stay_in_a_call, pair);
	nanosleep(&until_it_has, NULL);
}

static void programs(void) {
	char *arguments[] = {"sh", "-c", "an argument with more characters than 32", NULL}, *environment[] = {"A=b", "C=d", NULL};
	execve("/nowhere", arguments, environment);
	execve("/nowhere", arguments, environment + 1);
	execve("/nowhere", arguments, NULL);
}

int main(void) {
	int pair[2];
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	vectors(pair);
	messages(pair);
	waiting(pair);
	files();
	programs();
	signals();
	attributes();
	processes();
	raise(SIGTERM);
	return 0;
}
