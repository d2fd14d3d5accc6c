// Headers that Swift's Glibc module leaves out, and functions that it cannot import.
#ifndef KINESIS_SIDECAR_CLINUX_H
#define KINESIS_SIDECAR_CLINUX_H

#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <linux/sockios.h>

// epoll_event.data is a union, which Swift imports with a setter for each member, but the struct is packed on x86-64:
// writing a member through a pointer there is undefined for Swift, so the two words are put in here.
static inline int clinux_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event;
    event.events = events;
    event.data.u64 = token;
    return epoll_ctl(epoll, operation, fd, &event);
}

static inline uint32_t clinux_events(const struct epoll_event *event) { return event->events; }
static inline uint64_t clinux_token(const struct epoll_event *event) { return event->data.u64; }

// Bytes that were sent and that the peer's kernel has not acknowledged; -1 with errno. ioctl is variadic.
static inline int clinux_unacknowledged(int fd) {
    int bytes = 0;
    return ioctl(fd, SIOCOUTQ, &bytes) < 0 ? -1 : bytes;
}

// A descriptor that is readable once the child has ended (Linux 5.3); -1 with errno. syscall is variadic.
static inline int clinux_pidfd_open(pid_t child) { return (int)syscall(SYS_pidfd_open, child, 0); }

// GNU extensions that are declared under _GNU_SOURCE only. Defining that here would give this module other definitions of
// system types than Swift's Glibc module has, which the compiler refuses.
extern void *memmem(const void *in, size_t length, const void *what, size_t size);
extern int pthread_setname_np(pthread_t thread, const char *name);
extern int pipe2(int ends[2], int flags);
extern int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);

#endif
