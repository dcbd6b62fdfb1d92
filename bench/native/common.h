/* What the model server and the load share: bytes that grow, a clock, the end of an HTTP message. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MARK '~'               /* stands before the moment at which a token was sent; nothing else contains it */
#define DIGITS 8               /* of that moment in microseconds */
#define WRAP 100000000         /* where it begins again: after 100 seconds */

struct bytes { char *data; size_t length, room; };

static inline void reserve(struct bytes *to, size_t more) {
    if (to->length + more <= to->room) return;
    to->room = 2 * (to->length + more);
    to->data = realloc(to->data, to->room);
    if (to->data == NULL) { perror("realloc"); exit(1); }
}

static inline void add(struct bytes *to, const void *data, size_t length) {
    reserve(to, length);
    memcpy(to->data + to->length, data, length);
    to->length += length;
}

static inline void drop(struct bytes *from, size_t length) {
    from->length -= length;
    memmove(from->data, from->data + length, from->length);
}

static inline int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static inline void wake_at(int timer, int64_t moment) { /* 0 for never */
    struct itimerspec at = {.it_value = {.tv_sec = moment / 1000000, .tv_nsec = moment % 1000000 * 1000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/* The length that a head announces, or -1 where the body comes in chunks. */
static inline long announced(const char *head, size_t length) {
    static const char name[] = "\r\ncontent-length:";
    for (size_t at = 0; at + sizeof name < length; at++)
        if (head[at] == '\r' && strncasecmp(head + at, name, sizeof name - 1) == 0) return atol(head + at + sizeof name - 1);
    return -1;
}

static inline void watch(int epoll, int fd, uint32_t events, void *who, int how) {
    struct epoll_event event = {.events = events, .data.ptr = who};
    if (epoll_ctl(epoll, how, fd, &event) != 0) { perror("epoll_ctl"); exit(1); }
}

static inline void be_quick(int fd) {
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

#endif
