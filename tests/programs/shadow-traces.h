/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts that are in no program's file: made when they are needed, one for each way in which a program can leave something behind. Shared by
 * the program that leaves them and the test that looks for them.
 */
#ifndef SHADOW_TRACES_H
#define SHADOW_TRACES_H

enum { TRACE_BYTES = 32 }; /* printable, without the zero behind it */
enum trace {
	TRACE_KEPT, /* still held at the point: whoever looks has to find this one */
	TRACE_MAPPING, TRACE_PIPE, TRACE_FILE, TRACE_NAME, TRACE_LINK, TRACE_SOCKET, TRACE_QUEUE, TRACE_CHILD, TRACE_ARGUMENT, TRACE_VARIABLE,
	TRACE_THREAD, TRACES
};

static inline void make_trace(enum trace which, char *text)
{
	unsigned state = 0x9e3779b9u * (which + 1u);

	for (int i = 0; i < TRACE_BYTES; i++) {
		state = state * 1664525u + 1013904223u;
		((volatile char *)text)[i] = (char)('A' + (state >> 24) % 26);
	}
	((volatile char *)text)[TRACE_BYTES] = 0;
}

static inline const char *trace_name(enum trace which)
{
	static const char *const names[TRACES] = {"what is kept", "an unmapped page", "what went through a pipe", "a file that was removed",
						   "the name of a file", "the target of a link", "what went through a socket",
						   "a System V message", "an ended process's memory", "its argument", "its variable",
						   "an ended thread's stack"};
	return names[which];
}

#endif
