/* Asks the same thing on many connections and looks at what comes back: `load PORT REQUEST_FILE CONNECTIONS RAMP_US AGAIN`.

   The connections begin one after the other within RAMP_US microseconds. With AGAIN each asks anew as soon as it was answered. A line on
   stdin is answered with a line of JSON: what happened since the last one, times in microseconds; the end of stdin ends it.

     answered, failed (no 200), broken (no whole answer), open   numbers of answers, and of those under way
     events          of all streams
     requests        from the request to the end of its answer
     firsts          from the request to the first token
     tokens          from the model server to us, for each token

   A token that comes again in a closing event is older than the last one, and not counted. */
#include "common.h"

struct call {
    int fd, waits;
    size_t sent;          /* of the request */
    int64_t began;        /* 0 where nothing is under way */
    char head[4096];
    size_t held;          /* bytes of the head so far */
    int headed, first;    /* the head is complete; a token was seen */
    long left;            /* of the body, or -1 where it comes in chunks */
    char tail[16];        /* the last bytes, for what is cut in two */
    int tailed;
    int64_t newest;       /* token */
};

static int epoll, timer, again;
static struct sockaddr_in where = {.sin_family = AF_INET};
static struct bytes request;
static struct call *calls;
static long answered, failed, broken, open_calls, events_seen;
static struct bytes requests, firsts, tokens; /* times, as int32_t */
static int64_t heard; /* when the bytes at hand were read */

static void note(struct bytes *to, int64_t time) {
    int32_t short_time = time > INT32_MAX ? INT32_MAX : time;
    add(to, &short_time, sizeof short_time);
}

static void tell(const char *name, struct bytes *from) {
    int32_t *all = (int32_t *)from->data;
    printf(",\"%s\":[", name);
    for (size_t at = 0; at < from->length / sizeof *all; at++) printf(at ? ",%d" : "%d", all[at]);
    putchar(']');
    from->length = 0;
}

static void report(void) {
    printf("{\"answered\":%ld,\"failed\":%ld,\"broken\":%ld,\"open\":%ld,\"events\":%ld", answered, failed, broken, open_calls, events_seen);
    tell("requests", &requests); tell("firsts", &firsts); tell("tokens", &tokens);
    puts("}");
    fflush(stdout);
    answered = failed = broken = events_seen = 0;
}

static void ask(struct call *who);

static void push(struct call *who) {
    while (who->sent < request.length) {
        ssize_t sent = write(who->fd, request.data + who->sent, request.length - who->sent);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) break; /* full, or broken: reading tells */
        who->sent += sent;
    }
    int waits = who->sent < request.length;
    if (waits != who->waits) watch(epoll, who->fd, waits ? EPOLLIN | EPOLLOUT : EPOLLIN, who, EPOLL_CTL_MOD);
    who->waits = waits;
}

static void begin(struct call *who) {
    who->sent = who->held = 0;
    who->headed = who->first = who->tailed = 0;
    who->newest = -1;
    who->began = now_us();
    open_calls++;
    push(who);
}

static void ask(struct call *who) {
    who->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (who->fd < 0 || connect(who->fd, (struct sockaddr *)&where, sizeof where) != 0) { perror("connect"); exit(1); }
    be_quick(who->fd);
    who->waits = 0;
    watch(epoll, who->fd, EPOLLIN, who, EPOLL_CTL_ADD);
    begin(who);
}

static void hang_up(struct call *who) {
    int halfway = who->began != 0;
    close(who->fd);
    who->began = 0;
    if (halfway) { broken++; open_calls--; }
    if (again) ask(who);
}

static void finish(struct call *who) {
    int good = memcmp(who->head, "HTTP/1.1 200", 12) == 0;
    if (good) { answered++; note(&requests, heard - who->began); }
    else if (failed++ == 0) fprintf(stderr, "load: %.*s\n", (int)who->held, who->head);
    open_calls--;
    who->began = 0;
    if (again) begin(who);
}

static void token(struct call *who, const char *digits) {
    int64_t moment = 0;
    for (int at = 0; at < DIGITS; at++) {
        if (digits[at] < '0' || digits[at] > '9') return;
        moment = moment * 10 + digits[at] - '0';
    }
    int64_t newer = who->newest < 0 ? 1 : (moment - who->newest + WRAP) % WRAP;
    if (newer == 0 || newer >= WRAP / 2) return; /* an older one, repeated */
    who->newest = moment;
    if (!who->first) note(&firsts, heard - who->began);
    who->first = 1;
    int64_t travelled = (heard % WRAP - moment + WRAP) % WRAP;
    note(&tokens, travelled < WRAP / 2 ? travelled : 0); /* in a burst a token may carry a moment that is just to come */
}

/* Counts events and tokens. What may be cut in two stands in `tail`: bytes that were looked at only for what ends later. */
static void look(struct call *who, const char *data, size_t length) {
    static const char event[] = "data: ";
    char *joined = alloca(sizeof who->tail + length);
    memcpy(joined, who->tail, who->tailed);
    memcpy(joined + who->tailed, data, length);
    size_t whole = who->tailed + length, until = whole > DIGITS ? whole - DIGITS : 0; /* beginnings that are judged now */
    for (const char *at = joined; (at = memchr(at, MARK, joined + until - at)) != NULL; at++) token(who, at + 1);
    for (const char *at = joined; at < joined + until && (at = memmem(at, joined + until + sizeof event - 2 - at, event, sizeof event - 1)) != NULL; at++) events_seen++;
    who->tailed = whole - until;
    memcpy(who->tail, joined + until, who->tailed);
}

static void hear(struct call *who, char *data, size_t length) {
    if (!who->headed) {
        size_t taken = length < sizeof who->head - who->held ? length : sizeof who->head - who->held;
        memcpy(who->head + who->held, data, taken);
        char *blank = memmem(who->head, who->held + taken, "\r\n\r\n", 4);
        if (blank == NULL) { who->held += taken; return; }
        size_t mine = blank + 4 - who->head - who->held; /* what of these bytes belongs to the head */
        who->held += mine;
        who->headed = 1;
        who->left = announced(who->head, who->held);
        data += mine; length -= mine;
    }
    look(who, data, length);
    if (who->left >= 0) { if ((who->left -= length) == 0) finish(who); }
    else if (who->tailed >= 5 && memcmp(who->tail + who->tailed - 5, "0\r\n\r\n", 5) == 0) finish(who);
}

static void listen_to(struct call *who) {
    static char data[262144];
    ssize_t got = read(who->fd, data, sizeof data);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    heard = now_us();
    if (got <= 0) hang_up(who);
    else if (who->began != 0) hear(who, data, got);
}

static void read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) { perror(path); exit(1); }
    for (size_t got = 1; got > 0; request.length += got) {
        reserve(&request, 65536);
        got = fread(request.data + request.length, 1, 65536, file);
    }
    fclose(file);
}

int main(int count, char **arguments) {
    if (count != 6) { fprintf(stderr, "usage: load PORT REQUEST_FILE CONNECTIONS RAMP_US AGAIN\n"); return 2; }
    signal(SIGPIPE, SIG_IGN); /* whoever hangs up is noticed by what a write or a read gives */
    where.sin_port = htons(atoi(arguments[1]));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    read_file(arguments[2]);
    int connections = atoi(arguments[3]), started = 0;
    int64_t ramp = atol(arguments[4]), start = now_us();
    again = atoi(arguments[5]);
    calls = calloc(connections, sizeof *calls);
    epoll = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    static char line[64];
    watch(epoll, STDIN_FILENO, EPOLLIN, line, EPOLL_CTL_ADD);
    watch(epoll, timer, EPOLLIN, &timer, EPOLL_CTL_ADD);
    struct epoll_event events[256];
    wake_at(timer, start);
    for (;;) {
        int found = epoll_wait(epoll, events, 256, -1);
        for (int at = 0; at < found; at++) {
            void *who = events[at].data.ptr;
            if (who == line) {
                if (read(STDIN_FILENO, line, sizeof line) <= 0) return 0;
                report();
            } else if (who == &timer) {
                uint64_t times;
                if (read(timer, &times, sizeof times) < 0) continue;
                for (; started < connections && start + ramp * started / connections <= now_us(); started++) ask(&calls[started]);
                if (started < connections) wake_at(timer, start + ramp * started / connections);
            } else if (events[at].events & EPOLLOUT) {
                push(who);
                if (events[at].events & ~EPOLLOUT) listen_to(who);
            } else listen_to(who);
        }
    }
}
