/* session.c: see session.h. */
#include "shunt/service/session.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "shunt/base/mem.h"

static void remove_at(struct sessions *s, size_t i)
{
    memmove(&s->list[i], &s->list[i + 1], (s->count - i - 1) * sizeof *s->list);
    s->count--;
}

static void drop_ended(struct sessions *s, int64_t now_ms)
{
    while (s->count > 0 && s->list[0].until_ms <= now_ms) /* all last as long, so the oldest ends first */
        remove_at(s, 0);
}

int sessions_begin(struct sessions *s, const struct access_entry *entry, int64_t now_ms, char cookie[SECRET_TOKEN_MAX],
                   struct error *e)
{
    struct session made = {.rights = entry->rights, .until_ms = now_ms + SESSION_MS};
    int rc = secret_token(cookie, e);
    if (rc != 0)
        return rc;
    files_sha256(cookie, strlen(cookie), made.cookie);
    memcpy(made.line_id, entry->line_id, sizeof made.line_id);
    snprintf(made.name, sizeof made.name, "%s", entry->name);
    drop_ended(s, now_ms);
    if (s->count == SESSIONS_MAX)
        remove_at(s, 0);
    struct session *list = mem_resize(s->list, (s->count + 1) * sizeof *list);
    if (!list)
        return error_set(e, ERR_NOMEM, "out of memory");
    s->list = list;
    s->list[s->count++] = made;
    return 0;
}

/* The hash is compared, which a guesser cannot choose: no constant time is needed. */
static struct session *find(struct sessions *s, const char *cookie)
{
    uint8_t hash[SHA256_SIZE];
    if (s->count == 0)
        return NULL;
    files_sha256(cookie, strlen(cookie), hash);
    for (size_t i = 0; i < s->count; i++)
        if (memcmp(s->list[i].cookie, hash, sizeof hash) == 0)
            return &s->list[i];
    return NULL;
}

const struct session *sessions_find(struct sessions *s, const char *cookie, int64_t now_ms)
{
    drop_ended(s, now_ms);
    return find(s, cookie);
}

void sessions_end(struct sessions *s, const char *cookie)
{
    struct session *session = find(s, cookie);
    if (session)
        remove_at(s, (size_t)(session - s->list));
}

void sessions_keep(struct sessions *s, const struct access *a)
{
    for (size_t i = s->count; i-- > 0;)
        if (!access_by_line(a, s->list[i].line_id))
            remove_at(s, i);
}

void sessions_fini(struct sessions *s)
{
    mem_free(s->list);
    *s = (struct sessions){0};
}

/* --- tries --- */

static void key_of(const char *address, uint8_t key[TRIES_KEY_BYTES])
{
    memset(key, 0, TRIES_KEY_BYTES);
    if (inet_pton(AF_INET, address, key) == 1)
        key[TRIES_KEY_BYTES - 1] = 4; /* no network of IPv6 has that */
    else if (inet_pton(AF_INET6, address, key) == 1)
        memset(key + TRIES_KEY_BYTES / 2, 0, TRIES_KEY_BYTES / 2);
}

static int64_t last_of(const struct tries_address *a)
{
    return a->at_ms[(a->next + TRIES_MAX - 1) % TRIES_MAX];
}

static struct tries_address *quietest(struct tries *t)
{
    struct tries_address *found = &t->list[0];
    for (size_t i = 1; i < t->count; i++)
        if (last_of(&t->list[i]) < last_of(found))
            found = &t->list[i];
    return found;
}

/* NULL: no memory. */
static struct tries_address *entry_of(struct tries *t, const uint8_t key[TRIES_KEY_BYTES])
{
    for (size_t i = 0; i < t->count; i++)
        if (memcmp(t->list[i].key, key, TRIES_KEY_BYTES) == 0)
            return &t->list[i];
    struct tries_address *entry;
    if (t->count < TRIES_ADDRESS_MAX) {
        struct tries_address *list = mem_resize(t->list, (t->count + 1) * sizeof *list);
        if (!list)
            return NULL;
        t->list = list;
        entry = &t->list[t->count++];
    } else {
        entry = quietest(t);
    }
    memcpy(entry->key, key, TRIES_KEY_BYTES);
    entry->next = 0;
    for (size_t i = 0; i < TRIES_MAX; i++)
        entry->at_ms[i] = INT64_MIN;
    return entry;
}

int64_t tries_ask(struct tries *t, const char *address, int64_t now_ms)
{
    uint8_t key[TRIES_KEY_BYTES];
    key_of(address, key);
    struct tries_address *entry = entry_of(t, key);
    if (!entry)
        return TRIES_MS;
    int64_t oldest = entry->at_ms[entry->next];
    if (oldest != INT64_MIN && now_ms - oldest < TRIES_MS)
        return TRIES_MS - (now_ms - oldest);
    entry->at_ms[entry->next] = now_ms;
    entry->next = (entry->next + 1) % TRIES_MAX;
    return 0;
}

void tries_fini(struct tries *t)
{
    mem_free(t->list);
    *t = (struct tries){0};
}
