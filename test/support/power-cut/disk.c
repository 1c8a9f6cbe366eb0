/*
 * A disk that forgets what nobody told it to keep. Loaded in front of a program with LD_PRELOAD; `disk.ts` reads what it leaves behind.
 *
 * Below POWER_CUT_ROOT, a file's content is kept as it was at its last fsync or fdatasync, and a directory's names as they were at the
 * directory's last fsync (POSIX promises no more). Kept in POWER_CUT_DISK: `files/<inode>` and `names/<path, with % for />`, a line
 * `<inode> <f or d> <name>` for each entry. Each appears whole, by rename, before the call returns, so a process may be killed anywhere.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void must(int worked, const char *what) {
  if (worked) return;
  perror(what);
  abort();
}

/* The path of an open file below the root, without the root; NULL for any other. */
static const char *below_root(int fd, char *path, size_t size) {
  const char *root = getenv("POWER_CUT_ROOT");
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  if (root == NULL || length < 0) return NULL;
  path[length] = 0;
  size_t top = strlen(root);
  if (strncmp(path, root, top) != 0 || (path[top] != '/' && path[top] != 0)) return NULL;
  return path + top;
}

/* Opens `<disk>/<kind>/<name>.<thread>` for writing. */
static FILE *begin(const char *kind, const char *name, char *unfinished, char *finished, size_t size) {
  snprintf(finished, size, "%s/%s/%s", getenv("POWER_CUT_DISK"), kind, name);
  snprintf(unfinished, size, "%s.%ld", finished, (long)syscall(SYS_gettid));
  FILE *file = fopen(unfinished, "w");
  must(file != NULL, unfinished);
  return file;
}

static void finish(FILE *file, const char *unfinished, const char *finished) {
  must(fclose(file) == 0, unfinished);
  must(rename(unfinished, finished) == 0, finished);
}

static void keep_content(int fd, const struct stat *found) {
  char name[32], unfinished[4096], finished[4096], piece[65536];
  snprintf(name, sizeof name, "%llu", (unsigned long long)found->st_ino);
  FILE *copy = begin("files", name, unfinished, finished, sizeof finished);
  off_t at = 0;
  for (ssize_t got; (got = pread(fd, piece, sizeof piece, at)) > 0; at += got) must(fwrite(piece, 1, got, copy) == (size_t)got, "copy");
  finish(copy, unfinished, finished);
}

/* A file that was opened for writing only is read through a descriptor of its own. */
static void keep_file(int fd, const char *path, const struct stat *found) {
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY) return keep_content(fd, found);
  int readable = open(path, O_RDONLY | O_CLOEXEC);
  must(readable >= 0, path);
  keep_content(readable, found);
  close(readable);
}

static void keep_names(const char *path, const char *relative) {
  char name[4096], unfinished[8192], finished[8192];
  snprintf(name, sizeof name, "%%%s", relative);
  for (char *at = name; *at; at++)
    if (*at == '/') *at = '%';
  FILE *list = begin("names", name, unfinished, finished, sizeof finished);
  DIR *directory = opendir(path);
  must(directory != NULL, path);
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    fprintf(list, "%llu %c %s\n", (unsigned long long)entry->d_ino, entry->d_type == DT_DIR ? 'd' : 'f', entry->d_name);
  }
  closedir(directory);
  finish(list, unfinished, finished);
}

/* Nothing is asked of the real disk: what it would keep is what has been written down here. */
static int keep(int fd, const char *call) {
  char path[4096];
  const char *relative = below_root(fd, path, sizeof path);
  struct stat found;
  if (relative == NULL || fstat(fd, &found) != 0) return ((int (*)(int))dlsym(RTLD_NEXT, call))(fd);
  if (S_ISDIR(found.st_mode)) keep_names(path, relative);
  if (S_ISREG(found.st_mode)) keep_file(fd, path, &found);
  return 0;
}

int fsync(int fd) { return keep(fd, "fsync"); }
int fdatasync(int fd) { return keep(fd, "fdatasync"); }
