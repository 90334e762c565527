/* Loaded into a server (LD_PRELOAD): while the file READ_ONLY_SWITCH is there, what is written to files below
   READ_ONLY_FOLDER fails as on a file system that became read-only, which Linux does to one whose disk has failed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_switched_on(void) {
    const char *mark = getenv("READ_ONLY_SWITCH");
    int before = errno, is_there = mark && access(mark, F_OK) == 0;
    errno = before;
    return is_there;
}

static int is_below(const char *path) {
    const char *folder = getenv("READ_ONLY_FOLDER");
    return folder && strncmp(path, folder, strlen(folder)) == 0;
}

static int fails(int file) {
    char link[64], path[4096];
    if (!is_switched_on()) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!is_below(path)) return 0;
    errno = EROFS;
    return 1;
}

#define NEXT(type, name) ((type)dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *bytes, size_t number) {
    return fails(file) ? -1 : NEXT(ssize_t (*)(int, const void *, size_t), write)(file, bytes, number);
}

ssize_t pwrite64(int file, const void *bytes, size_t number, off64_t place) {
    return fails(file)
        ? -1
        : NEXT(ssize_t (*)(int, const void *, size_t, off64_t), pwrite64)(file, bytes, number, place);
}

int ftruncate64(int file, off64_t length) {
    return fails(file) ? -1 : NEXT(int (*)(int, off64_t), ftruncate64)(file, length);
}

int unlink(const char *path) {
    if (is_switched_on() && is_below(path)) {
        errno = EROFS;
        return -1;
    }
    return NEXT(int (*)(const char *), unlink)(path);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && is_switched_on() && is_below(path)) {
        errno = EROFS;
        return -1;
    }
    return NEXT(int (*)(const char *, int, ...), open64)(path, flags, mode);
}
