/* store_sqlite_words.c: what is found in each block of rows, so that a list of one client's jobs passes over the blocks
 * that hold none. An index on each of client, category and destination would cost more than the job itself.
 *
 * What was noted lately is remembered, since a block's thousand jobs share a few words: forgotten with every transaction
 * that fails. Words are folded (ASCII) to small letters. */
#include <string.h>

#include "shunt/base/mem.h"

#include "store_json.h"
#include "store_sqlite.h"

#define SLOTS     1024
#define WORD_ROOM 48 /* longer ones are noted each time */

struct word_seen {
    int64_t block; /* +1; 0: none */
    unsigned char kind;
    char word[WORD_ROOM];
};

static char small(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
}

char *word_folded(const char *word)
{
    char *folded = mem_strdup(word);
    for (char *c = folded; c && *c; c++) {
        *c = small(*c);
    }
    return folded;
}

static int insert(struct sqlite_store *s, int64_t block, enum word_kind kind, const char *folded, struct error *e)
{
    sqlite3_stmt *note;
    int rc = sql_get(s, SQL_WORD_NOTE, &note, e);
    if (rc) {
        return rc;
    }
    (void)sqlite3_bind_int64(note, 1, block);
    (void)sqlite3_bind_int(note, 2, (int)kind);
    bind_text(note, 3, folded);
    return sql_run(s, note, e);
}

static int note_long(struct sqlite_store *s, int64_t block, enum word_kind kind, const char *word, struct error *e)
{
    char *folded = word_folded(word);
    int rc = folded ? insert(s, block, kind, folded, e) : store_no_memory(e);
    mem_free(folded);
    return rc;
}

static int note(struct sqlite_store *s, int64_t block, enum word_kind kind, const char *word, struct error *e)
{
    if (!word) {
        return 0;
    }
    char folded[WORD_ROOM];
    uint64_t hash = 1469598103934665603u + (uint64_t)kind;
    size_t n = 0;
    for (; word[n] && n < WORD_ROOM; n++) {
        folded[n] = small(word[n]);
        hash = (hash ^ (unsigned char)folded[n]) * 1099511628211u;
    }
    if (n == WORD_ROOM) {
        return note_long(s, block, kind, word, e);
    }
    folded[n] = '\0';
    struct word_seen *slot = &s->seen[(hash ^ hash >> 32) % SLOTS];
    if (slot->block == block + 1 && slot->kind == kind && strcmp(slot->word, folded) == 0) {
        return 0;
    }
    int rc = insert(s, block, kind, folded, e);
    if (rc == 0) {
        slot->block = block + 1;
        slot->kind = (unsigned char)kind;
        memcpy(slot->word, folded, n + 1);
    }
    return rc;
}

int words_note(struct sqlite_store *s, int64_t row, const struct store_job *job, struct error *e)
{
    if (!s->seen && !(s->seen = mem_zalloc(SLOTS * sizeof *s->seen))) {
        return store_no_memory(e);
    }
    int64_t block = row >> BLOCK_SHIFT;
    int rc = note(s, block, WORD_CLIENT, job->client, e);
    rc = rc ? rc : note(s, block, WORD_CATEGORY, job->category, e);
    for (size_t i = 0; rc == 0 && i < job->n_deliveries; i++) {
        rc = note(s, block, WORD_DESTINATION, job->deliveries[i].destination, e);
    }
    return rc;
}

void words_forget(struct sqlite_store *s)
{
    if (s->seen) {
        memset(s->seen, 0, SLOTS * sizeof *s->seen);
    }
}

int times_flush(struct sqlite_store *s, struct block_times *times, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = times->block < 0 ? 0 : sql_get(s, SQL_BLOCK_NOTE, &statement, e);
    if (rc || times->block < 0) {
        return rc;
    }
    (void)sqlite3_bind_int64(statement, 1, times->block);
    (void)sqlite3_bind_int64(statement, 2, times->first_ms);
    (void)sqlite3_bind_int64(statement, 3, times->last_ms);
    (void)sqlite3_bind_int64(statement, 4, times->completed_ms);
    times->block = -1;
    return sql_run(s, statement, e);
}

static int64_t completion(const struct store_job *job)
{
    return job->status == STATUS_COMPLETED ? job->completed_ms : 0;
}

int times_note(struct sqlite_store *s, struct block_times *times, int64_t row, const struct store_job *job,
               struct error *e)
{
    int64_t block = row >> BLOCK_SHIFT;
    if (times->block != block) {
        int rc = times_flush(s, times, e);
        *times = (struct block_times){block, job->created_ms, job->created_ms, completion(job)};
        return rc;
    }
    if (job->created_ms < times->first_ms) {
        times->first_ms = job->created_ms;
    }
    if (job->created_ms > times->last_ms) {
        times->last_ms = job->created_ms;
    }
    if (completion(job) > times->completed_ms) {
        times->completed_ms = completion(job);
    }
    return 0;
}
