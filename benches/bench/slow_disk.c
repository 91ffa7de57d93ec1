/* A disk on which fdatasync takes a millisecond longer; preloaded into Postgres. */
#define _GNU_SOURCE
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>

int fdatasync(int file)
{
    struct timespec pause = {0, 1000000};
    nanosleep(&pause, 0);
    return (int) syscall(SYS_fdatasync, file);
}
