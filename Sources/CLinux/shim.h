// Headers that Swift's Glibc module leaves out, and functions that it cannot import.
#ifndef KINESIS_SIDECAR_CLINUX_H
#define KINESIS_SIDECAR_CLINUX_H

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

// F_SETPIPE_SZ and F_GETPIPE_SZ, GNU extensions of fcntl (see the end of this file).
static const int clinux_set_pipe_size = 1031;
static const int clinux_get_pipe_size = 1032;

// A descriptor that is readable once the child has ended (Linux 5.3); -1 with errno. syscall is variadic.
static inline int clinux_pidfd_open(pid_t child) { return (int)syscall(SYS_pidfd_open, child, 0); }

// Puts a descriptor in a place where a program will find it.
static inline int clinux_place(int fd, int place) {
    return fd == place ? fcntl(fd, F_SETFD, 0) : dup2(fd, place);
}

// Starts a program in a process group of its own, which the kernel ends with SIGKILL when the thread ends that has started
// it: posix_spawn cannot ask for that, since only the child itself can (prctl(2), PR_SET_PDEATHSIG). Between vfork and exec
// the child lives in this process's memory while this thread stands still, so that it calls nothing but what signal-safety(7)
// lists, and prctl, and its errno is what this function reads.
//
// programs: where the program may be, the first that can be run. streams: what it gets as standard input, output and error,
// all of them greater than 2; of this process's other descriptors none, whoever has opened them: a library's connection that
// lived on in the child would not end when it is closed here. Signals that this process blocks, and SIGPIPE and SIGXFSZ,
// are for it as they are by default.
// Returns 0, or the errno of what failed; nothing is left then.
static inline int clinux_spawn(
    char *const programs[], char *const arguments[], char *const environment[], const int streams[3], pid_t *child) {
    const pid_t parent = getpid();
    volatile int failure = 0;
    sigset_t all, before, none;
    sigfillset(&all);
    sigemptyset(&none);
    // No handler of this process runs in the child.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = vfork();
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && setpgid(0, 0) == 0 && clinux_place(streams[0], 0) >= 0
            && clinux_place(streams[1], 1) >= 0 && clinux_place(streams[2], 2) >= 0) {
            // CLOSE_RANGE_CLOEXEC (Linux 5.11). Our own are marked when they are opened.
            syscall(SYS_close_range, 3U, ~0U, 4U);
            // Whoever ended before the first line is told by nobody.
            if (getppid() != parent) _exit(127);
            signal(SIGPIPE, SIG_DFL);
            signal(SIGXFSZ, SIG_DFL);
            sigprocmask(SIG_SETMASK, &none, NULL);
            int denied = 0;
            errno = ENOENT;
            for (int i = 0; programs[i] != NULL; i++) {
                execve(programs[i], arguments, environment);
                if (errno == EACCES) denied = 1;
                else if (errno != ENOENT && errno != ENOTDIR) break;
            }
            if (denied && (errno == ENOENT || errno == ENOTDIR)) errno = EACCES;
        }
        failure = errno;
        _exit(127);
    }
    const int forking = pid < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (forking != 0) return forking;
    if (failure == 0) {
        *child = pid;
        return 0;
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    return failure;
}

// GNU extensions that are declared under _GNU_SOURCE only. Defining that here would give this module other definitions of
// system types than Swift's Glibc module has, which the compiler refuses.
extern void *memmem(const void *in, size_t length, const void *what, size_t size);
extern int pthread_setname_np(pthread_t thread, const char *name);
extern int pipe2(int ends[2], int flags);
extern int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);

#endif
