/* hands.c: see hands.h. */
#include "shunt/service/hands.h"

#include <string.h>

#include "shunt/base/hash.h"

struct hand {
    int64_t at_ms;
    const char *event; /* a constant */
    char *text;        /* behind the key */
    UT_hash_handle hh;
    char key[]; /* "FOLDER/name" */
};

static struct hand *find(const struct hands *h, const char *folder, const char *name)
{
    struct hand *found = NULL;
    char key[2 * NAME_SIZE];
    if (!h->table || strlen(folder) > NAME_LEN_MAX || strlen(name) > NAME_LEN_MAX)
        return NULL;
    stpcpy(stpcpy(stpcpy(key, folder), "/"), name);
    HASH_FIND_STR(h->table, key, found);
    return found;
}

static void drop(struct hands *h, struct hand *hand)
{
    HASH_DEL(h->table, hand);
    mem_free(hand);
}

bool hands_note(struct hands *h, const char *folder, const char *name, int64_t at_ms, const char *event,
                const char *text)
{
    size_t key_size = strlen(folder) + strlen(name) + 2, text_size = strlen(text) + 1;
    if (find(h, folder, name))
        return false;
    if (HASH_COUNT(h->table) >= HANDS_MAX)
        drop(h, h->table); /* the table is in the order in which they came */
    struct hand *hand = mem_zalloc(sizeof *hand + key_size + text_size);
    if (!hand)
        return false;
    hand->at_ms = at_ms;
    hand->event = event;
    stpcpy(stpcpy(stpcpy(hand->key, folder), "/"), name);
    hand->text = memcpy(hand->key + key_size, text, text_size);
    HASH_ADD_STR(h->table, key, hand);
    if (hash_added(hand))
        return true;
    mem_free(hand);
    return false;
}

void hands_forget(struct hands *h, const char *folder, const char *name)
{
    struct hand *hand = find(h, folder, name);
    if (hand)
        drop(h, hand);
}

bool hands_tell(struct hands *h, struct job *job)
{
    struct hand *hand = find(h, job->folder, job->name);
    if (!hand)
        return false;
    struct job_event *before = job->events;
    job_note(job, hand->event, NULL, hand->text);
    if (job->events != before)
        job->events->at_ms = hand->at_ms;
    drop(h, hand);
    return true;
}

void hands_fini(struct hands *h)
{
    while (h->table)
        drop(h, h->table);
}
