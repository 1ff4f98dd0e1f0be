/* session.h: who has logged in with a browser, and how often an address may try to.
 *
 * Sessions live in memory, for SESSION_MS, whatever happens in them; a restart ends them all. A cookie's value is known
 * only by its hash. A value each: zero it, then sessions_fini. Time is an argument (monotonic). Thread: loop.
 */
#ifndef SHUNT_SERVICE_SESSION_H
#define SHUNT_SERVICE_SESSION_H

#include "shunt/io/secret.h"
#include "shunt/service/access.h"

#define SESSION_MS        (12 * 3600 * INT64_C(1000))
#define SESSIONS_MAX      1000 /* beyond, the oldest ends */
#define TRIES_MAX         5    /* in TRIES_MS, of one address */
#define TRIES_MS          INT64_C(60000)
#define TRIES_ADDRESS_MAX 1024 /* that are remembered; beyond, the one that was quiet longest is forgotten */
#define TRIES_KEY_BYTES   16

struct session {
    uint8_t cookie[SHA256_SIZE]; /* its hash */
    uint8_t line_id[SHA256_SIZE];
    char name[ACCESS_NAME_MAX + 1];
    unsigned rights;
    int64_t until_ms;
};

struct sessions {
    struct session *list; /* oldest first */
    size_t count;
};

/* cookie: what the browser gets. 0 or an error. */
int sessions_begin(struct sessions *s, const struct access_entry *entry, int64_t now_ms, char cookie[SECRET_TOKEN_MAX],
                   struct error *e);
/* NULL: there is none. Valid until the next call. */
const struct session *sessions_find(struct sessions *s, const char *cookie, int64_t now_ms);
void sessions_end(struct sessions *s, const char *cookie);
void sessions_keep(struct sessions *s, const struct access *a); /* those whose line is still there */
void sessions_fini(struct sessions *s);

struct tries {
    struct tries_address {
        uint8_t key[TRIES_KEY_BYTES]; /* IPv6: of its network of 64 bits */
        int64_t at_ms[TRIES_MAX];     /* a ring; INT64_MIN: none */
        unsigned next;
    } * list;
    size_t count;
};

/* 0: it may try, and this was one. More: not for so many ms; nothing is counted. Without memory: TRIES_MS. */
int64_t tries_ask(struct tries *t, const char *address, int64_t now_ms);
void tries_fini(struct tries *t);

#endif
