/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libpenglai: programs in enclaves, for C. What pl-run does for a command line this does for a program: templates of program
 * files, instances forked from them (or made cold), their standard streams, their ends.
 *
 * One thread serves everything that a handle holds, and instances run only within penglai_wait(), penglai_wait_any() and
 * penglai_serve(): a started one that nobody waits for stands still. No function here may be called by two threads at once on
 * one handle. No signal handler is installed, and none is needed; who hands over pipes
 * ignores SIGPIPE, as for any write.
 *
 * Functions return 0, or a status as pl-run ends with (PENGLAI_FAILED and those below it), and penglai_error() then has a line
 * for people. Structures are to be zeroed before they are filled in: a zero field is its default. Strings are NUL-terminated,
 * lists of strings end with NULL, and everything that is passed in may be freed or changed once the call has returned, but for
 * descriptors and input memory, which are used until the instance has ended.
 */
#ifndef PENGLAI_PENGLAI_H
#define PENGLAI_PENGLAI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PENGLAI_TIME_UP 124    /* its timeout had passed */
#define PENGLAI_FAILED 125     /* the device, the pool, the host, a wrong argument */
#define PENGLAI_CANNOT_RUN 126 /* not a program for an enclave */
#define PENGLAI_NOT_FOUND 127  /* no such program, template or instance */

typedef struct penglai_handle penglai_handle;
typedef struct penglai_instance penglai_instance;

/*
 * `at_once`: so many instances can run at one time (0: 64), each with 64 KiB of host memory for its window. After a failure the
 * handle is there for penglai_error() and penglai_close() alone, or NULL when not even that could be had.
 */
int penglai_open(uint32_t at_once, penglai_handle **opened);
/* Ends every instance that is left, and frees it. */
void penglai_close(penglai_handle *handle);
/* Why the last call failed; never NULL, good until the next call. */
const char *penglai_error(const penglai_handle *handle);

/* Where a template freezes. */
enum penglai_point {
	PENGLAI_ENTRY = 0, /* at its program's first instruction */
	PENGLAI_BOOT = 1,  /* of `rootfs`, with no program: one template for all in there. `path` is what an instance executes, and the
			      measurement covers the image that it is of, not which it is; to build a template, it may be NULL */
};

/* A program, and what decides its template. */
struct penglai_program {
	const char *path;	     /* of a riscv64 ELF, with a slash; without: an example's name; with `rootfs` an absolute path or a name in there */
	const char *name;	     /* of its template, for people; NULL: the last component of the path, at PENGLAI_BOOT of `rootfs` */
	const char *const *volumes;  /* HOST:GUEST[:ro], as pl-run -v; NULL: none */
	uint64_t memory;	     /* most that an instance may hold, in bytes; 0: no limit */
	uint32_t cold;		     /* 1: no template, each instance is measured and booted by itself */
	uint32_t point;		     /* PENGLAI_ENTRY or PENGLAI_BOOT */
	const char *rootfs;	     /* a root image (pl-image build); NULL: a small tree with the program and its libraries */
	const char *const *prefetch; /* files and directories of `rootfs` that the template reads and checks, so that no fork does; NULL: none,
					or all of a small image at PENGLAI_BOOT */
};

struct penglai_template {
	uint64_t id; /* never 0, never used again */
	char name[64];
	uint8_t measurement[48];
	uint64_t bytes;		 /* of the pool */
	uint64_t created, used;	 /* seconds since 1970: made, and last forked */
	uint64_t forks;
	uint32_t forks_alive;
	uint32_t owner;		 /* user id */
	uint32_t program_chosen; /* 1: it was made at PENGLAI_BOOT (so its maker says) and cannot be forked by `template_id` */
	uint32_t reserved;
};

/* The template of a program: found, or made now, which takes a fraction of a second. */
int penglai_template_build(penglai_handle *handle, const struct penglai_program *program, uint64_t *id);
int penglai_template_inspect(penglai_handle *handle, uint64_t id, struct penglai_template *info);
/* Those that this user may fork, in order of their ids: at most `room` are written, `count` is how many there are. */
int penglai_template_list(penglai_handle *handle, struct penglai_template *infos, size_t room, size_t *count);
/* Hidden at once, freed with its last fork. */
int penglai_template_remove(penglai_handle *handle, uint64_t id);

/* A standard stream. */
enum penglai_stream_kind {
	PENGLAI_NOTHING = 0,	/* input: at its end; output: thrown away */
	PENGLAI_DESCRIPTOR = 1, /* an open descriptor of the caller's */
	PENGLAI_MEMORY = 2,	/* input: `data`, `size` bytes; output: kept for penglai_output(), `size` bytes at most (0: 16 MiB) */
	PENGLAI_CLOSED = 3,
};
struct penglai_stream {
	uint32_t kind; /* PENGLAI_* */
	int32_t descriptor;
	const void *data;
	size_t size;
};

struct penglai_start {
	const struct penglai_program *program; /* NULL: `template_id` is forked, which must have been made without volumes and root image */
	uint64_t template_id;
	const char *const *arguments;	/* argv, argv[0] included; NULL: the program's path alone */
	const char *const *environment; /* NAME=value; NULL: PATH and HOME */
	const char *directory;		/* inside; NULL: "/" */
	uint32_t user, group;		/* inside */
	struct penglai_stream streams[3];
	uint64_t memory;		/* bytes; 0: as its program says */
	uint64_t timeout_milliseconds;	/* then it is asked to end, and two seconds later ended; 0: never */
};

struct penglai_end {
	int32_t status;	 /* as pl-run's exit status: the program's, 128 + n for signal n, 124 to 127 and 137 as there */
	int32_t reserved;
	char message[256]; /* what there is to say, such as why memory was short; else empty */
};

struct penglai_figures {
	uint64_t id;			 /* the enclave's, by the monitor */
	uint64_t private_bytes, shared_bytes; /* its own memory, and its template's */
	uint64_t ocalls;
	uint64_t nanoseconds;		 /* since its start */
	uint32_t waiting;		 /* 1: for something outside */
	uint32_t ended;
};

/* The instance is the caller's to free. */
int penglai_start(penglai_handle *handle, const struct penglai_start *start, penglai_instance **started);
/* Until this one has ended; `end` may be NULL. At once if it has. */
int penglai_wait(penglai_handle *handle, penglai_instance *instance, struct penglai_end *end);
/* Until any has ended that was not waited for yet. PENGLAI_NOT_FOUND: none is left. */
int penglai_wait_any(penglai_handle *handle, penglai_instance **ended, struct penglai_end *end);
/* Lets all run for so long, or until one has ended. */
int penglai_serve(penglai_handle *handle, uint64_t milliseconds);
/* SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT or SIGWINCH, as a terminal would send it; SIGKILL ends the enclave. */
int penglai_signal(penglai_handle *handle, penglai_instance *instance, int number);
int penglai_inspect(penglai_handle *handle, penglai_instance *instance, struct penglai_figures *figures);
/* What it wrote to stream 1 or 2 of kind PENGLAI_MEMORY so far; good until it runs again or is freed. */
const char *penglai_output(const penglai_instance *instance, int stream, size_t *size);
/* Ends it if it runs. NULL is nothing. */
void penglai_free(penglai_handle *handle, penglai_instance *instance);

/* An instance of any process of this user's: what pl-ps shows. */
struct penglai_running {
	char name[80];	    /* NAME or NAME.INDEX, for penglai_named_signal() */
	char program[256];
	char state[16];	    /* "running", "waiting", "exited", "killed", "busy" */
	int32_t process;
	int32_t status;	    /* of what has ended */
	struct penglai_figures figures;
};
/* At most `room` are written, `count` is how many there are. `all`: detached ones that have ended, too. */
int penglai_named_list(penglai_handle *handle, uint32_t all, struct penglai_running *infos, size_t room, size_t *count);
int penglai_named_signal(penglai_handle *handle, const char *name, int number);
/* Blocks until it has ended. */
int penglai_named_wait(penglai_handle *handle, const char *name, struct penglai_end *end);
/* Forgets a detached one that has ended. */
int penglai_named_remove(penglai_handle *handle, const char *name);

#ifdef __cplusplus
}
#endif
#endif
