/* A fast fake model server; the name of the model says how it answers: `upstream LISTENING_FD`.

   whole         one JSON object
   burst-N       a stream of N tokens, as fast as they are taken
   paced-N-US    a stream of N tokens, one every US microseconds; it keeps to the clock, however late it is
   cut-N         a stream that breaks off after N tokens
   error-STATUS  an error of that status

   Each token carries the moment at which it was sent. One thread, no allocation for a token. */
#include "common.h"

struct exchange {
    int fd;
    struct bytes in, out;
    size_t head;       /* length of the request's head, 0 until it is there */
    long body;         /* what the head announced */
    long left;         /* tokens still to send */
    int64_t due, interval;
    int64_t newest;    /* what the last token carries: none carries the same, so that each can be told apart */
    int place;         /* in the heap of those who wait for their moment; 0 is nowhere */
    int cut, gone, waits; /* break off at the end; free at the next turn; the socket is full */
};

static int epoll, timer;
static struct exchange **heap; /* 1-based, the earliest first */
static int waiting, heap_room;
static struct exchange *leaving[4096];
static int leavers;

/* ---- the heap of moments ---- */

static void put(int place, struct exchange *who) { heap[place] = who; who->place = place; }

static void settle(int place) {
    struct exchange *who = heap[place];
    while (place > 1 && heap[place / 2]->due > who->due) { put(place, heap[place / 2]); place /= 2; }
    for (;;) {
        int next = 2 * place;
        if (next < waiting && heap[next + 1]->due < heap[next]->due) next++;
        if (next > waiting || heap[next]->due >= who->due) break;
        put(place, heap[next]);
        place = next;
    }
    put(place, who);
}

static void wait_for(struct exchange *who) {
    if (who->place == 0) {
        if (waiting + 2 > heap_room) heap = realloc(heap, (heap_room = 2 * waiting + 64) * sizeof *heap);
        put(++waiting, who);
    }
    settle(who->place);
}

static void forget(struct exchange *who) {
    int place = who->place;
    who->place = 0;
    if (place == 0) return;
    struct exchange *last = heap[waiting--];
    if (last != who) { put(place, last); settle(place); }
}

/* ---- what is said ---- */

static void leave(struct exchange *who) {
    if (who->gone) return;
    forget(who);
    close(who->fd);
    who->gone = 1;
    if (leavers < 4096) leaving[leavers++] = who; /* others of this turn may still name it */
}

static void flush(struct exchange *who) {
    while (who->out.length > 0) {
        ssize_t sent = write(who->fd, who->out.data, who->out.length);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) {
            if (!who->waits) watch(epoll, who->fd, EPOLLIN | EPOLLOUT, who, EPOLL_CTL_MOD);
            who->waits = 1;
            return;
        }
        if (sent < 0) { leave(who); return; }
        drop(&who->out, sent);
    }
    if (who->waits) watch(epoll, who->fd, EPOLLIN, who, EPOLL_CTL_MOD);
    who->waits = 0;
}

static void say(struct exchange *who, const char *text) { add(&who->out, text, strlen(text)); }

static void say_chunk(struct exchange *who, const char *text) {
    char size[24];
    snprintf(size, sizeof size, "%zx\r\n", strlen(text));
    say(who, size); say(who, text); say(who, "\r\n");
}

#define CHUNK "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"fake\",\"choices\":[{\"index\":0,"

static void say_token(struct exchange *who) {
    static const char before[] = CHUNK "\"delta\":{\"content\":\" ~", after[] = "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
    static char framed[sizeof before + sizeof after + DIGITS + 16];
    static int head, length;
    if (length == 0) {
        head = sprintf(framed, "%zx\r\n", sizeof before - 1 + DIGITS + sizeof after - 1);
        length = head + sprintf(framed + head, "%s%0*d%s\r\n", before, DIGITS, 0, after);
    }
    int64_t moment = now_us();
    who->newest = moment = moment > who->newest ? moment : who->newest + 1;
    moment %= WRAP;
    for (int at = DIGITS; at-- > 0; moment /= 10) framed[head + sizeof before - 1 + at] = '0' + moment % 10;
    add(&who->out, framed, length);
}

static void say_end(struct exchange *who) {
    say_chunk(who, CHUNK "\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    say_chunk(who, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"fake\",\"choices\":[],"
                   "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":17,\"total_tokens\":26}}\n\n");
    say_chunk(who, "data: [DONE]\n\n");
    say(who, "0\r\n\r\n");
}

/* What is due by now; then the next moment, or the end. */
static void stream(struct exchange *who) {
    int64_t now = now_us();
    while (who->left > 0 && who->due <= now) {
        say_token(who);
        who->left--;
        who->due += who->interval;
    }
    if (who->left == 0 && !who->cut) say_end(who);
    flush(who);
    if (who->gone) return;
    if (who->left > 0) wait_for(who);
    else if (who->cut) leave(who);
    else forget(who);
}

static void whole(struct exchange *who, int status) {
    static const char *good =
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"fake\",\"choices\":[{\"index\":0,\"message\":"
        "{\"role\":\"assistant\",\"content\":\"All that is gold does not glitter, not all those who wander are lost.\"},"
        "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":17,\"total_tokens\":26}}";
    static const char *bad = "{\"error\":{\"message\":\"The model is tired.\",\"type\":\"server_error\",\"param\":null,\"code\":null}}";
    const char *body = status == 200 ? good : bad;
    char head[160];
    snprintf(head, sizeof head, "HTTP/1.1 %d Said\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n", status, strlen(body));
    say(who, head); say(who, body);
    flush(who);
}

/* The next moment of a place in the interval that is this stream's own. Places are spread evenly over the interval (by the golden ratio),
   whoever stands between and however the requests came: tokens of many streams that come together cost every gateway less. */
static int64_t in_turn(int64_t interval) {
    static unsigned streams;
    int64_t place = (uint64_t)(uint32_t)(++streams * 2654435769u) * interval >> 32, now = now_us();
    return now + (place - now % interval + interval) % interval;
}

static void answer(struct exchange *who) {
    static const char name[] = "\"model\":";
    char model[64] = "";
    size_t body = who->in.length - who->head;
    const char *at = memmem(who->in.data + who->head, body, name, sizeof name - 1);
    if (at != NULL) sscanf(at + sizeof name - 1, " \"%63[^\"]", model);
    who->in.length = who->head = 0;
    int status;
    if (strcmp(model, "whole") == 0) { whole(who, 200); return; }
    if (sscanf(model, "error-%d", &status) == 1) { whole(who, status); return; }
    who->cut = sscanf(model, "cut-%ld", &who->left) == 1;
    who->interval = who->cut ? 2000 : 0;
    if (!who->cut && sscanf(model, "paced-%ld-%ld", &who->left, &who->interval) != 2 && sscanf(model, "burst-%ld", &who->left) != 1) {
        whole(who, 404);
        return;
    }
    say(who, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    say_chunk(who, CHUNK "\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n");
    who->due = who->interval > 1 ? in_turn(who->interval) : now_us();
    stream(who);
}

/* ---- what is read ---- */

static int is_whole(struct exchange *who) {
    struct bytes *in = &who->in;
    if (who->head == 0) {
        char *blank = memmem(in->data, in->length, "\r\n\r\n", 4);
        if (blank == NULL) return 0;
        who->head = blank + 4 - in->data;
        who->body = announced(in->data, who->head);
        if (who->body < 0 && memmem(in->data, who->head, "hunked", 6) == NULL) who->body = 0;
    }
    size_t there = in->length - who->head;
    return who->body >= 0 ? there >= (size_t)who->body : there >= 5 && memcmp(in->data + in->length - 5, "0\r\n\r\n", 5) == 0;
}

static void listen_to(struct exchange *who) {
    for (;;) {
        reserve(&who->in, 65536);
        ssize_t got = read(who->fd, who->in.data + who->in.length, who->in.room - who->in.length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) break;
        if (got <= 0) { leave(who); return; }
        who->in.length += got;
        if (who->in.length < who->in.room) break;
    }
    if (is_whole(who)) answer(who);
}

static void welcome(int listening) {
    for (int fd; (fd = accept(listening, NULL, NULL)) >= 0;) {
        struct exchange *who = calloc(1, sizeof *who);
        be_quick(fd);
        who->fd = fd;
        watch(epoll, fd, EPOLLIN, who, EPOLL_CTL_ADD);
    }
}

int main(int count, char **arguments) {
    if (count != 2) { fprintf(stderr, "usage: upstream LISTENING_FD\n"); return 2; }
    signal(SIGPIPE, SIG_IGN); /* whoever hangs up is noticed by what a write or a read gives */
    int listening = atoi(arguments[1]);
    fcntl(listening, F_SETFL, fcntl(listening, F_GETFL) | O_NONBLOCK);
    epoll = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    watch(epoll, listening, EPOLLIN, &listening, EPOLL_CTL_ADD);
    watch(epoll, timer, EPOLLIN, &timer, EPOLL_CTL_ADD);
    struct epoll_event events[256];
    for (int64_t armed = 0;;) {
        int64_t next = waiting ? heap[1]->due : 0;
        if (next != armed) wake_at(timer, armed = next);
        int found = epoll_wait(epoll, events, 256, -1);
        for (int at = 0; at < found; at++) {
            struct exchange *who = events[at].data.ptr;
            if (events[at].data.ptr == &listening) welcome(listening);
            else if (events[at].data.ptr == &timer) { uint64_t times; if (read(timer, &times, sizeof times) > 0) armed = 0; }
            else if (!who->gone && events[at].events & EPOLLOUT) flush(who);
            if (events[at].data.ptr != &listening && events[at].data.ptr != &timer && !who->gone && events[at].events & ~EPOLLOUT) listen_to(who);
        }
        for (int64_t now = now_us(); waiting && heap[1]->due <= now;) stream(heap[1]);
        for (; leavers > 0; leavers--) {
            free(leaving[leavers - 1]->in.data); free(leaving[leavers - 1]->out.data); free(leaving[leavers - 1]);
        }
    }
}
