/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the payload does, by the first word of its ocall window: command, two arguments, result, error, and words of
 * other uses. After each but exit, panic and spin it rings the doorbell and then reads the next command.
 */
#ifndef PENGLAI_TESTS_DRIVER_PAYLOAD_H
#define PENGLAI_TESTS_DRIVER_PAYLOAD_H

#define DO_EXIT 1 /* argument: status */
#define DO_DOORBELL 2
#define DO_IDLE 3   /* argument: deadline in ticks. No doorbell */
#define DO_SPIN 4   /* until another command */
#define DO_FREEZE 5 /* argument: cookie. error: what the monitor answered, if it came back */
#define DO_LOAD 6   /* argument: physical address. result */
#define DO_STORE 7  /* arguments: physical address, value */
#define DO_PANIC 8
#define DO_EXTENT 9   /* argument: size. result, error */
#define DO_BOOT 10    /* copies struct pl_boot to the window's byte 64. result: the cookie */
#define DO_CONTEXT 11 /* argument: context to start. error. It counts in word 5 until word 6 is set, then idles */
#define DO_TICK 12    /* counts in the result until another command */
#define DO_GROW 13    /* argument: bytes. result, error */

#define NO_WINDOW_STATUS 77

/* Constants of penglai/sbi.h in a form that the assembler reads; checked against it in device.cpp. */
#define PL_EXTENSION 0x08504C47
#define BOOT_WINDOW 120
#define BOOT_SIZE 280
#define CALL_EXIT 0x100
#define CALL_FAULT 0x101
#define CALL_LEAVE 0x102
#define CALL_GROW 0x103
#define CALL_EXTENT_GET 0x104
#define CALL_FREEZE 0x106
#define CALL_CONTEXT_START 0x107
#define FORK_SIZE 65536
#define LEFT_DOORBELL 2
#define LEFT_IDLE 3
#define FAULT_PANIC 3

#ifndef __ASSEMBLER__
extern "C" const unsigned char payload_start[], payload_end[];
#endif

#endif
