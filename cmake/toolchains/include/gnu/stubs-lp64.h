/* Debian's cross glibc headers know only the lp64d ABI; freestanding code is lp64, uses no glibc function, and needs this name. */
