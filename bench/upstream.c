// upstream: a fake OpenAI-compatible engine. One thread, epoll, HTTP/1.1 keep-alive.
//
//   upstream [port]                               default 9001, loopback only
//
//   POST any path          a chat answer; server-sent events when the body has "stream": true
//   POST …/audio/…, /files the body is counted and thrown away
//   GET  /v1/files/<size>  that many bytes, e.g. /v1/files/20m
//   GET  /health, /v1/models, /metrics; other GETs {}
//   DELETE /streams        resets every open stream
//
// What the answer is like is a plan, words joined by dashes: "sim-100t-20ms".
//   100t           content chunks             10k  500b  1m  bytes of a plain answer
//   20ms  500us    time between chunks        235c           bytes of a chunk's event
//   w50ms          wait before the first byte
//   s503           answer with this status    cut   close in the middle
//   nodone         end without [DONE]         rst   reset in the middle
// The plan is the value of the header x-sim, else the first JSON string in the body that begins with "sim-"
// (model, or user where a gateway renames the model). Default: 1,500 bytes, or 100 chunks at 20 ms.
//
// Content is "@" and 19 digits, CLOCK_MONOTONIC in ns at the moment of sending, then filler: whoever reads the
// chunk on the same machine knows how long it was under way, even if a gateway wrote the JSON anew.
// With "include_usage" a stream ends with its usage, with "continuous_usage_stats" every event has it, as vLLM's do.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PROMPT_TOKENS = 150, BODY_MAX = 32 << 20, ANSWER_MAX = 64 << 20, BACKLOG_BYTES = 64 << 10, TIMERS_PER_TURN = 256 };

typedef struct { char *p; size_t n, cap; } bytes;
typedef struct { int tokens, event, status; uint64_t gap, wait; size_t size; bool cut, rst, nodone; } plan;
typedef struct conn {
  int fd; uint32_t events, life; struct conn *next_free;
  bytes in, body, out; size_t out_at;            // unread input; request body; unsent output
  const char *ref; size_t ref_left;              // rest of a shared answer, sent after out
  enum { HEAD, LENGTH, CHUNKED } part;
  enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER } chunk;
  uint64_t body_left, body_seen;
  char method[8], path[256];
  bool discard, busy, usage, continuous, streaming, close_after;
  plan plan; int sent;
} conn;

static struct { uint64_t connections, connections_open, requests, streams_open, streams_done, streams_aborted, streams_continuous, tokens, plain, uploads, upload_bytes; } tally;
static int ep;
static char input[256 << 10], filler[64 << 10];

static uint64_t now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }

static void append(bytes *b, const void *p, size_t n) {
  if (b->n + n > b->cap) b->p = realloc(b->p, b->cap = (b->n + n) * 2);
  memcpy(b->p + b->n, p, n); b->n += n;
}
static void empty(bytes *b) { b->n = 0; if (b->cap > 64 << 10) { free(b->p); *b = (bytes){0}; } }

// ---- timers: a binary heap; a connection that closed has another life, so its old timers are void

typedef struct { uint64_t due; conn *c; uint32_t life; } timer;
static timer *heap; static size_t heap_n, heap_cap;

static void arm(conn *c, uint64_t due) {
  if (heap_n == heap_cap) heap = realloc(heap, (heap_cap = heap_cap ? heap_cap * 2 : 1024) * sizeof *heap);
  size_t i = heap_n++;
  for (size_t up; i && heap[up = (i - 1) / 2].due > due; i = up) heap[i] = heap[up];
  heap[i] = (timer){due, c, c->life};
}
static timer next_timer(void) {
  timer first = heap[0], last = heap[--heap_n]; size_t i = 0;
  for (size_t k; (k = 2 * i + 1) < heap_n; i = k) {
    if (k + 1 < heap_n && heap[k + 1].due < heap[k].due) k++;
    if (heap[k].due >= last.due) break;
    heap[i] = heap[k];
  }
  if (heap_n) heap[i] = last;
  return first;
}

// ---- connections and output

static conn *free_conns, **every_conn; static size_t n_conns;

static void drop(conn *c, bool reset) {
  if (c->fd < 0) return;
  if (c->streaming) { tally.streams_open--; tally.streams_aborted++; }
  if (reset) setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
  close(c->fd); tally.connections_open--;
  free(c->in.p); free(c->body.p); free(c->out.p);
  uint32_t life = c->life + 1; conn *next = free_conns;
  *c = (conn){.fd = -1, .life = life, .next_free = next}; free_conns = c;
}
static void listen_for(conn *c, uint32_t events) {
  if (c->events == events) return;
  epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &(struct epoll_event){.events = c->events = events, .data.ptr = c});
}
static bool pending(conn *c) { return c->out.n || c->ref_left; }

// Sends what is pending. False: the connection is gone.
static bool flush(conn *c) {
  while (pending(c)) {
    bool own = c->out.n; const char *p = own ? c->out.p + c->out_at : c->ref; size_t n = own ? c->out.n - c->out_at : c->ref_left;
    ssize_t w = send(c->fd, p, n, MSG_NOSIGNAL);
    if (w < 0) { if (errno == EAGAIN) { listen_for(c, EPOLLIN | EPOLLOUT); return true; } drop(c, false); return false; }
    if (own) { if ((c->out_at += w) == c->out.n) { empty(&c->out); c->out_at = 0; } } else { c->ref += w; c->ref_left -= w; }
  }
  if (c->close_after) { drop(c, c->plan.rst); return false; }
  listen_for(c, EPOLLIN);
  return true;
}
static bool output(conn *c, const char *p, size_t n) {
  if (!pending(c)) {
    ssize_t w = send(c->fd, p, n, MSG_NOSIGNAL);
    if (w < 0 && errno != EAGAIN) { drop(c, false); return false; }
    if (w > 0) { p += w; n -= w; }
    if (!n) return true;
  }
  append(&c->out, p, n); listen_for(c, EPOLLIN | EPOLLOUT);
  return true;
}

// ---- answers

#define COMMON "x-request-id: req_0123456789abcdef0123456789abcdef\r\nopenai-processing-ms: 12\r\nopenai-version: 2020-10-01\r\n"
#define IDENTITY "\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion%s\",\"created\":1700000000,\"model\":\"sim\""
#define USAGE "\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d,\"total_tokens\":%d,\"prompt_tokens_details\":{\"cached_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0}}"

static bool simple(conn *c, int status, const char *type, const char *body) {
  char head[512], text[4096];
  int n = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n" COMMON "\r\n", status, status < 300 ? "OK" : "Error", type, strlen(body));
  return output(c, text, snprintf(text, sizeof text, "%.*s%s", n, head, body));
}

// A whole chat answer of that many body bytes, head included, made once per size and shared.
static struct answer { size_t size, head, n; char *p; } *answer(size_t size) {
  static struct answer made[64]; static int count;
  for (int i = 0; i < count; i++) if (made[i].size == size) return &made[i];
  if (count == 64) count = 0;                    // a plan per request is not a use of this program; the old answer leaks
  char head[512], start[512], end[512];
  int s = sprintf(start, "{" IDENTITY ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"", "");
  int e = sprintf(end, "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}]," USAGE ",\"system_fingerprint\":\"fp_44709d6fcb\"}", PROMPT_TOKENS, 230, PROMPT_TOKENS + 230);
  size_t fill = size > (size_t)(s + e) ? size - s - e : 0, body = s + fill + e;
  int h = sprintf(head, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n" COMMON "\r\n", body);
  struct answer *a = &made[count++]; char *p = malloc(h + body);
  *a = (struct answer){size, h, h + body, p};
  p = mempcpy(mempcpy(p, head, h), start, s);
  for (size_t k; fill; fill -= k) { k = fill < sizeof filler ? fill : sizeof filler; p = mempcpy(p, filler, k); }
  memcpy(p, end, e);
  return a;
}
static bool send_answer(conn *c) {
  struct answer *a = answer(c->plan.size);
  size_t n = a->n; tally.plain++;
  if (c->plan.cut || c->plan.rst) { c->close_after = true; n = a->head + (n - a->head) / 2; }
  if (n <= 64 << 10 && !c->close_after) return output(c, a->p, n);
  c->ref = a->p; c->ref_left = n;
  return flush(c);
}
static bool send_blank(conn *c, size_t n) {
  static char *blank; if (!blank) blank = calloc(1, ANSWER_MAX);
  char head[256]; int h = sprintf(head, "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: %zu\r\n\r\n", n);
  append(&c->out, head, h); c->ref = blank; c->ref_left = n;
  return flush(c);
}

// Ends an event, with the usage so far where it was asked for.
static int end_event(conn *c, char *o, int completion) {
  if (!c->continuous) return sprintf(o, "}\n\n");
  return sprintf(o, ",\"usage\":{\"prompt_tokens\":%d,\"total_tokens\":%d,\"completion_tokens\":%d}}\n\n", PROMPT_TOKENS, PROMPT_TOKENS + completion, completion);
}
static char *chunk(char *o, const char *event, int n) { o += sprintf(o, "%x\r\n", n); o = mempcpy(o, event, n); return mempcpy(o, "\r\n", 2); }

// Sends the next event (the first one with head and role, the last one with everything that ends the stream).
static bool send_event(conn *c) {
  static const char before[] = "data: {\"id\":\"chatcmpl-0123456789\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"sim\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"@";
  static const char after[] = "\"},\"logprobs\":null,\"finish_reason\":null}]";
  static char out[96 << 10], event[72 << 10];
  char *o = out, *e; const plan *p = &c->plan;
  if (!c->sent) {
    o += sprintf(o, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\ntransfer-encoding: chunked\r\n" COMMON "\r\n");
    int n = sprintf(event, "data: {" IDENTITY ",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]", ".chunk");
    o = chunk(o, event, n + end_event(c, event + n, 0));
  }
  int fill = p->event - (int)(sizeof before + sizeof after - 2 + 19 + 3);
  e = mempcpy(event, before, sizeof before - 1);
  char *stamp = e; e += 19;
  if (fill > 0) e = mempcpy(e, filler, fill);
  e = mempcpy(e, after, sizeof after - 1);
  e += end_event(c, e, c->sent + 1);
  uint64_t t = now_ns();
  for (int i = 18; i >= 0; i--, t /= 10) stamp[i] = '0' + t % 10;
  o = chunk(o, event, e - event);
  c->sent++; tally.tokens++;
  if ((p->cut || p->rst) && c->sent * 2 >= p->tokens) { c->close_after = true; append(&c->out, out, o - out); return flush(c); }
  if (c->sent == p->tokens) {
    int n = sprintf(event, "data: {" IDENTITY ",\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]", ".chunk");
    o = chunk(o, event, n + end_event(c, event + n, p->tokens));
    if (c->usage) o = chunk(o, event, sprintf(event, "data: {" IDENTITY ",\"choices\":[]," USAGE "}\n\n", ".chunk", PROMPT_TOKENS, p->tokens, PROMPT_TOKENS + p->tokens));
    if (!p->nodone) o = chunk(o, "data: [DONE]\n\n", 14);
    o = mempcpy(o, "0\r\n\r\n", 5);
    c->streaming = c->busy = false; tally.streams_open--; tally.streams_done++;
  }
  return output(c, out, o - out);
}

// ---- requests

static uint64_t number(const char **s, const char *end) { uint64_t n = 0; while (*s < end && **s >= '0' && **s <= '9') n = n * 10 + *(*s)++ - '0'; return n; }

static void read_plan(plan *p, const char *s, const char *end) {  // s: after "sim"
  while (s < end && *s == '-') {
    const char *word = ++s; char kind = *s == 'w' || *s == 's' ? *s++ : 0;
    bool digits = s < end && *s >= '0' && *s <= '9'; uint64_t n = number(&s, end);
    const char *unit = s; while (s < end && *s >= 'a' && *s <= 'z') s++;
    int len = s - unit; char a = len ? unit[0] : 0; bool time = len == 2 && unit[1] == 's' && (a == 'm' || a == 'u');
    uint64_t ns = time ? n * (a == 'm' ? 1000000 : 1000) : 0;
    if (!digits) { p->cut |= s - word == 3 && !memcmp(word, "cut", 3); p->rst |= s - word == 3 && !memcmp(word, "rst", 3); p->nodone |= s - word == 6 && !memcmp(word, "nodone", 6); }
    else if (kind == 's') p->status = n;
    else if (kind == 'w') p->wait = ns;
    else if (time) p->gap = ns;
    else if (a == 't') p->tokens = n > 1000000 ? 1000000 : n ? n : 1;
    else if (a == 'c') p->event = n > 60000 ? 60000 : n;
    else if (a == 'b' || a == 'k' || a == 'm') { p->size = n * (a == 'b' ? 1 : a == 'k' ? 1000 : 1000000); if (p->size > ANSWER_MAX) p->size = ANSWER_MAX; }
  }
}
static bool says_true(const char *b, size_t n, const char *key) {
  const char *s = memmem(b, n, key, strlen(key)), *end = b + n;
  if (!s) return false;
  for (s += strlen(key); s < end && (*s == ' ' || *s == ':' || *s == '\n' || *s == '\t'); s++);
  return end - s >= 4 && !memcmp(s, "true", 4);
}
static bool begin(conn *c) {                     // the wait is over
  if (c->plan.status) return simple(c, c->plan.status, "application/json", "{\"error\":{\"message\":\"simulated\",\"type\":\"server_error\",\"param\":null,\"code\":null}}");
  if (!c->streaming) return send_answer(c);
  if (!send_event(c)) return false;
  if (c->streaming) arm(c, now_ns() + c->plan.gap);
  return true;
}
static bool respond(conn *c, const char *body, size_t n) {
  tally.requests++;
  if (!strcmp(c->method, "GET") || !strcmp(c->method, "HEAD")) {
    char text[1024];
    if (!strcmp(c->path, "/v1/models")) return simple(c, 200, "application/json", "{\"object\":\"list\",\"data\":[{\"id\":\"sim\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"bench\"}]}");
    if (!strncmp(c->path, "/v1/files/", 10)) { const char *s = c->path + 10, *end = s + strlen(s); uint64_t k = number(&s, end); k *= *s == 'm' ? 1000000 : *s == 'k' ? 1000 : 1; return send_blank(c, k > ANSWER_MAX ? ANSWER_MAX : k); }
    if (!strcmp(c->path, "/metrics")) {
#define M(name) "sim_" #name " %lu\n"
      sprintf(text, M(connections) M(connections_open) M(requests) M(streams_open) M(streams_done) M(streams_aborted) M(streams_continuous) M(tokens) M(plain) M(uploads) M(upload_bytes),
        tally.connections, tally.connections_open, tally.requests, tally.streams_open, tally.streams_done, tally.streams_aborted, tally.streams_continuous, tally.tokens, tally.plain, tally.uploads, tally.upload_bytes);
      return simple(c, 200, "text/plain; version=0.0.4", text);
    }
    return simple(c, 200, "application/json", "{}");
  }
  if (!strcmp(c->method, "DELETE")) {
    for (size_t i = 0; i < n_conns; i++) if (every_conn[i]->streaming) drop(every_conn[i], true);
    return simple(c, 200, "application/json", "{}");
  }
  if (c->discard) {
    char text[128]; tally.uploads++; tally.upload_bytes += c->body_seen;
    sprintf(text, "{\"text\":\"hello\",\"bytes\":%lu,\"usage\":{\"type\":\"duration\",\"seconds\":1}}", c->body_seen);
    return simple(c, 200, "application/json", text);
  }
  const char *s = memmem(body, n, "\"sim-", 5);
  if (!c->plan.tokens) { c->plan = (plan){.tokens = 100, .event = 235, .gap = 20000000, .size = 1500}; if (s) read_plan(&c->plan, s + 4, body + n); }
  c->streaming = !c->plan.status && says_true(body, n, "\"stream\"");
  if (c->streaming) { c->busy = true; c->sent = 0; c->usage = says_true(body, n, "\"include_usage\""); c->continuous = says_true(body, n, "\"continuous_usage_stats\""); tally.streams_open++; tally.streams_continuous += c->continuous; }
  if (!c->plan.wait) return begin(c);
  c->busy = true; arm(c, now_ns() + c->plan.wait);
  return true;
}

// Reads one request head at h; its length, 0 if incomplete, -1 if it is none.
static ssize_t read_head(conn *c, const char *h, size_t n) {
  const char *end = memmem(h, n, "\r\n\r\n", 4);
  if (!end) return n > 64 << 10 ? -1 : 0;
  const char *sp = memchr(h, ' ', end - h), *sp2 = sp ? memchr(sp + 1, ' ', end - sp - 1) : 0;
  if (!sp2 || sp - h > 7) return -1;
  size_t path = sp2 - sp - 1 < 255 ? sp2 - sp - 1 : 255;
  memcpy(c->method, h, sp - h); c->method[sp - h] = 0; memcpy(c->path, sp + 1, path); c->path[path] = 0;
  c->part = HEAD; c->body_left = c->body_seen = 0; c->plan = (plan){0}; empty(&c->body);
  c->discard = strstr(c->path, "/audio/") || !strcmp(c->path, "/v1/files");
  for (const char *l = memchr(h, '\n', end - h + 2) + 1; l < end; l = (const char *)memchr(l, '\n', end + 2 - l) + 1) {
    if ((*l | 32) == 'c' && !strncasecmp(l, "content-length:", 15)) { c->body_left = strtoull(l + 15, 0, 10); if (c->body_left) c->part = LENGTH; }
    else if ((*l | 32) == 't' && !strncasecmp(l, "transfer-encoding:", 18)) { c->part = CHUNKED; c->chunk = CHUNK_SIZE; }
    else if ((*l | 32) == 'e' && !strncasecmp(l, "expect:", 7)) { if (!output(c, "HTTP/1.1 100 Continue\r\n\r\n", 25)) return -1; }
    else if ((*l | 32) == 'x' && !strncasecmp(l, "x-sim:", 6)) { const char *v = l + 6; while (*v == ' ') v++; c->plan = (plan){.tokens = 100, .event = 235, .gap = 20000000, .size = 1500}; if (!strncmp(v, "sim", 3)) read_plan(&c->plan, v + 3, end); }
  }
  return end - h + 4;
}
static bool keep(conn *c, const char *p, size_t n) {
  c->body_seen += n;
  if (!c->discard) append(&c->body, p, n);
  return c->body.n <= BODY_MAX;
}
static bool body_done(conn *c) { c->part = HEAD; return respond(c, c->body.p ? c->body.p : "", c->body.n); }

// Takes what it can from b. Bytes taken, or -1 when the connection is gone.
static ssize_t take(conn *c, const char *b, size_t n) {
  size_t at = 0;
  while (at < n && !c->busy && !pending(c)) {
    const char *p = b + at; size_t left = n - at;
    if (c->part == HEAD) {
      ssize_t h = read_head(c, p, left);
      if (h < 0) { drop(c, false); return -1; }
      if (!h) break;
      at += h;
      if (c->part == HEAD && !respond(c, "", 0)) return -1;
      if (c->part == LENGTH && n - at >= c->body_left) {        // the usual case: all here, no copy
        size_t k = c->body_left; c->body_seen = k; c->part = HEAD; at += k;
        if (!respond(c, b + at - k, k)) return -1;
      }
    } else if (c->part == LENGTH || c->chunk == CHUNK_DATA) {
      size_t k = left < c->body_left ? left : c->body_left;
      if (!keep(c, p, k)) { drop(c, false); return -1; }
      at += k;
      if (!(c->body_left -= k)) { if (c->part == CHUNKED) c->chunk = CHUNK_END; else if (!body_done(c)) return -1; }
    } else {
      const char *nl = memchr(p, '\n', left);
      if (!nl) break;
      at += nl - p + 1;
      if (c->chunk == CHUNK_SIZE) { c->body_left = strtoull(p, 0, 16); c->chunk = c->body_left ? CHUNK_DATA : TRAILER; }
      else if (c->chunk == CHUNK_END) c->chunk = CHUNK_SIZE;
      else if (nl - p <= 1 && !body_done(c)) return -1;
    }
  }
  return at;
}
static void resume(conn *c) {                    // after an answer: input that came meanwhile
  if (!c->in.n) return;
  ssize_t k = take(c, c->in.p, c->in.n);
  if (k > 0) { memmove(c->in.p, c->in.p + k, c->in.n -= k); if (!c->in.n) empty(&c->in); }
}
static void readable(conn *c) {
  for (;;) {
    ssize_t r = recv(c->fd, input, sizeof input, 0);
    if (r <= 0) { if (r == 0 || errno != EAGAIN) drop(c, false); return; }
    if (c->in.n) { append(&c->in, input, r); if (c->in.n > BODY_MAX) { drop(c, false); return; } uint32_t life = c->life; resume(c); if (c->life != life) return; }
    else { ssize_t k = take(c, input, r); if (k < 0) return; if (k < r) append(&c->in, input + k, r - k); }
    if ((size_t)r < sizeof input) return;
  }
}
static void fire(timer t) {
  conn *c = t.c;
  if (c->life != t.life || c->fd < 0) return;
  if (!c->streaming || !c->sent) { if (!c->streaming) c->busy = false; if (begin(c) && !c->busy) resume(c); return; }
  if (c->out.n - c->out_at > BACKLOG_BYTES) { arm(c, now_ns() + 1000000); return; }   // the reader is slow
  if (!send_event(c)) return;
  if (c->streaming) arm(c, c->plan.gap ? t.due + c->plan.gap : now_ns()); else resume(c);
}
static void accept_all(int listener) {
  for (int fd; (fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0;) {
    conn *c = free_conns; if (c) free_conns = c->next_free; else {
      if (!(n_conns & (n_conns - 1))) every_conn = realloc(every_conn, (n_conns ? n_conns * 2 : 1) * sizeof c);
      every_conn[n_conns++] = c = calloc(1, sizeof *c);
    }
    *c = (conn){.fd = fd, .life = c->life, .events = EPOLLIN}; tally.connections++; tally.connections_open++;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = c});
  }
}
int main(int argc, char **argv) {
  static const char words[] = "The quick brown fox jumps over the lazy dog. ";
  for (size_t i = 0; i < sizeof filler; i++) filler[i] = words[i % (sizeof words - 1)];
  signal(SIGPIPE, SIG_IGN); prctl(PR_SET_TIMERSLACK, 1);
  struct rlimit files; getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 9001), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (bind(listener, (void *)&at, sizeof at) || listen(listener, 4096)) { perror("upstream"); return 1; }
  ep = epoll_create1(0); epoll_ctl(ep, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
  for (struct epoll_event events[512];;) {
    struct timespec wait; int64_t ns = heap_n ? (int64_t)(heap[0].due - now_ns()) : 0;
    if (ns < 0) ns = 0;
    wait = (struct timespec){ns / 1000000000, ns % 1000000000};
    int n = epoll_pwait2(ep, events, 512, heap_n ? &wait : 0, 0);
    for (int i = 0; i < n; i++) {
      conn *c = events[i].data.ptr; uint32_t life = c ? c->life : 0;
      if (!c) { accept_all(listener); continue; }
      if (c->fd < 0) continue;
      if (events[i].events & EPOLLOUT) { if (!flush(c)) continue; if (!pending(c) && !c->busy) resume(c); }
      if (c->life == life && events[i].events & ~EPOLLOUT) readable(c);
    }
    uint64_t t = now_ns();                       // bounded, so that sockets are served however many timers are due
    for (int k = TIMERS_PER_TURN; k && heap_n && heap[0].due <= t; k--) fire(next_timer());
  }
}
