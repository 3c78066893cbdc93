// SPDX-License-Identifier: BSD-2-Clause
int helper(const char *text);
int main(int argc, char **argv) { return helper(argc > 1 ? argv[1] : "four"); }
