/* A disk whose fsync takes SLOW_SYNC_US microseconds more: for LD_PRELOAD. Only the wait is modelled; what is written goes the usual way. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void wait_more(void) {
  const char *text = getenv("SLOW_SYNC_US");
  long us = text ? atol(text) : 0;
  struct timespec left = {us / 1000000, (us % 1000000) * 1000};
  while (us > 0 && nanosleep(&left, &left) != 0) { }
}

int fsync(int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  wait_more();
  return real(file);
}

int fdatasync(int file) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  wait_more();
  return real(file);
}
