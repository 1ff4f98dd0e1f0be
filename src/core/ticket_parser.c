/* ticket_parser.c: bytes in chunks of any size to yajl, and what yajl says in words.
 *
 * Between the caller and yajl stand three things that yajl lacks:
 *   - The start of the text: a BOM is skipped, UTF-16 and UTF-32 are refused by name.
 *   - Escapes: half of a surrogate pair becomes \ufffd before yajl sees it (yajl drops or garbles what follows; some
 *     releases abort), and a vertical tab or form feed, which yajl takes for white space, is refused.
 *   - Long strings: yajl keeps a token that a chunk cuts and reads it again from its start with every further chunk.
 *     What nobody wants of such a string is checked here and never given to yajl: memory stays constant and time
 *     linear.
 *
 * A parser that has failed can only be freed.
 */
#include "ticket_parser.h"

#include <assert.h>
#include <string.h>

#include "shunt/base/mem.h"

struct ticket_parser *ticket_parser_new(const struct pointer_set *set, struct ticket_limits limits)
{
    struct ticket_parser *p = mem_zalloc(sizeof *p);
    if (p == NULL) {
        return NULL;
    }
    p->set = set;
    p->limits = limits;
    p->place = (struct text_place){.line = 1, .column = 1};
    p->ticket.count = set->count;
    p->ticket.fields = mem_zalloc(set->count * sizeof *p->ticket.fields);
    if (p->ticket.fields == NULL || !ticket_yajl_open(p)) {
        ticket_parser_free(p);
        return NULL;
    }
    return p;
}

void ticket_parser_free(struct ticket_parser *p)
{
    if (p == NULL) {
        return;
    }
    ticket_yajl_close(p);
    ticket_fini(&p->ticket);
    mem_free(p);
}

/* White space, and commas and colons, of which yajl does not tell. */
static bool is_gap(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == ':';
}

static size_t skip_gaps(const uint8_t *piece, size_t at, size_t n)
{
    while (at < n && is_gap(piece[at])) {
        at++;
    }
    return at;
}

static struct text_place place_at(const struct ticket_parser *p, const uint8_t *piece, size_t offset)
{
    struct text_place place = p->place;
    text_place_advance(&place, piece, offset);
    return place;
}

/* Where the token begins that was refused. */
static struct text_place token_place(const struct ticket_parser *p, const uint8_t *piece)
{
    if (p->open.is) {
        return p->open.place;
    }
    size_t end = yajl_get_bytes_consumed(p->yajl);
    size_t start = skip_gaps(piece, p->token_end, end);
    if (start == end && end > p->token_end && (piece[end - 1] == ',' || piece[end - 1] == ':')) {
        start = end - 1; /* nothing but gaps: it is this comma or colon itself */
    }
    return place_at(p, piece, start);
}

static int refuse(const struct ticket_parser *p, struct text_place at, struct error *e)
{
    if (p->refused.code == ERR_NOMEM) {
        return error_set(e, ERR_NOMEM, "out of memory");
    }
    return error_set(e, p->refused.code, "%s, at line %lld, column %lld", p->refused.text, (long long)at.line,
                     (long long)at.column);
}

static int syntax(struct text_place at, const char *what, struct error *e)
{
    return error_set(e, ERR_SYNTAX, "invalid JSON at line %lld, column %lld: %s", (long long)at.line,
                     (long long)at.column, what);
}

/* yajl stops behind a byte that begins no token and behind bad UTF-8, but on every other bad byte. */
static size_t bad_byte(const struct ticket_parser *p, const char *what)
{
    size_t at = yajl_get_bytes_consumed(p->yajl);
    bool behind = strncmp(what, "invalid char in", 15) == 0 || strncmp(what, "invalid bytes", 13) == 0;
    return behind && at > 0 ? at - 1 : at;
}

static int piece_failed(struct ticket_parser *p, const uint8_t *piece, struct error *e)
{
    if (p->refused.code == ERR_NOMEM) {
        return refuse(p, p->place, e); /* yajl's handle may be half-made */
    }
    if (p->refused.code != 0) {
        return refuse(p, token_place(p, piece), e);
    }
    struct yajl_words words;
    if (ticket_yajl_words(p, &words) != 0) {
        return error_set(e, ERR_NOMEM, "out of memory");
    }
    struct text_place at = words.lexical ? place_at(p, piece, bad_byte(p, words.text)) : token_place(p, piece);
    return syntax(at, words.text, e);
}

/* Follows the content of a string that stays open, so that we know where its last unit is cut. */
static void follow_units(struct open_token *open, const uint8_t *bytes, size_t n)
{
    while (open->part_len > 0 && n > 0) {
        open->part[open->part_len++] = *bytes++;
        n--;
        if (json_units(open->part, open->part_len) == open->part_len) {
            open->part_len = 0;
        }
    }
    size_t whole = json_units(bytes, n);
    if (whole < n) {
        assert(n - whole < JSON_UNIT_MAX); /* yajl has found nothing bad and no quote */
        open->part_len = n - whole;
        memcpy(open->part, bytes + whole, open->part_len);
    }
}

static int limit_open(struct ticket_parser *p, struct error *e)
{
    struct open_token *open = &p->open;
    if (!open->string) {
        if (open->len <= FIELD_TEXT_MAX) {
            return 0;
        }
        error_set(&p->refused, ERR_TOO_LARGE, "a number of more than %d bytes", FIELD_TEXT_MAX);
        return refuse(p, open->place, e);
    }
    bool field;
    if (open->len > ticket_open_worth(p, &field)) {
        if (field && !ticket_may_cut(ticket_open_field(p))) {
            ticket_refuse_long(p, ticket_open_field(p));
            return refuse(p, open->place, e);
        }
        open->skipping = true;
    }
    return 0;
}

/* One piece through yajl; then what is left open at its end. */
static int lex(struct ticket_parser *p, const uint8_t *piece, size_t n, struct error *e)
{
    p->token_end = 0;
    if (ticket_yajl_parse(p, piece, n) != yajl_status_ok) {
        return piece_failed(p, piece, e);
    }
    size_t start = 0, quote = 0;
    if (!p->open.is) {
        start = skip_gaps(piece, p->token_end, n);
        text_place_advance(&p->place, piece, start);
        if (start == n) {
            return 0;
        }
        p->open = (struct open_token){.is = true, .string = piece[start] == '"', .place = p->place};
        quote = p->open.string;
    }
    p->open.len += n - start;
    text_place_advance(&p->place, piece + start, n - start);
    if (p->open.string) {
        follow_units(&p->open, piece + start + quote, n - start - quote);
    }
    return limit_open(p, e);
}

/* Steps over the inside of a string that nobody wants. yajl gets the rest of a unit that it has the beginning of. */
static int skip_string(struct ticket_parser *p, const uint8_t *piece, size_t n, size_t *used, struct error *e)
{
    size_t at = 0;
    while (p->open.part_len > 0 && at < n) {
        int rc = lex(p, piece + at, 1, e);
        if (rc != 0) {
            return rc;
        }
        at++;
    }
    size_t whole = json_units(piece + at, n - at);
    text_place_advance(&p->place, piece + at, whole);
    *used = at + whole;
    return 0;
}

static int give(struct ticket_parser *p, const uint8_t *piece, size_t n, struct error *e)
{
    size_t used = 0;
    if (p->open.is && p->open.skipping) {
        int rc = skip_string(p, piece, n, &used, e);
        if (rc != 0) {
            return rc;
        }
    }
    return used < n ? lex(p, piece + used, n - used, e) : 0;
}

static int give_replacement(struct ticket_parser *p, struct error *e)
{
    return give(p, (const uint8_t *)"\\ufffd", 6, e);
}

static int feed_escapes(struct ticket_parser *p, const uint8_t *bytes, size_t n, struct error *e);

/* An escape that the end of a chunk cut, byte by byte until it is decided. */
static int feed_held(struct ticket_parser *p, const uint8_t *bytes, size_t n, size_t *used, struct error *e)
{
    int rc = 0;
    while (p->held_len > 0 && *used < n && rc == 0) {
        bool lone;
        p->held[p->held_len++] = bytes[(*used)++];
        size_t decided = json_escape(p->held, p->held_len, &lone);
        if (decided == 0) {
            continue;
        }
        uint8_t all[ESCAPE_DECIDED];
        size_t len = p->held_len;
        memcpy(all, p->held, len);
        p->held_len = 0;
        rc = lone ? give_replacement(p, e) : give(p, all, decided, e);
        if (rc == 0) {
            rc = feed_escapes(p, all + decided, len - decided, e);
        }
    }
    return rc;
}

static int feed_escapes(struct ticket_parser *p, const uint8_t *bytes, size_t n, struct error *e)
{
    size_t start = 0;
    int rc = feed_held(p, bytes, n, &start, e);
    size_t at = start;
    const uint8_t *escape;
    while (rc == 0 && at < n && (escape = memchr(bytes + at, '\\', n - at)) != NULL) {
        bool lone;
        at = (size_t)(escape - bytes);
        size_t decided = json_escape(escape, n - at, &lone);
        if (decided == 0) {
            p->held_len = n - at;
            memcpy(p->held, escape, n - at);
            n = at;
        } else if (lone) {
            rc = give(p, bytes + start, at - start, e);
            if (rc == 0) {
                rc = give_replacement(p, e);
            }
            start = at + decided;
        }
        at += decided;
    }
    return rc != 0 ? rc : give(p, bytes + start, n - start, e);
}

static int flush_held(struct ticket_parser *p, struct error *e)
{
    size_t n = p->held_len;
    p->held_len = 0;
    return give(p, p->held, n, e);
}

static int feed_text(struct ticket_parser *p, const uint8_t *bytes, size_t n, struct error *e)
{
    const uint8_t *bad = memchr(bytes, '\v', n);
    const uint8_t *bad_too = memchr(bytes, '\f', bad != NULL ? (size_t)(bad - bytes) : n);
    bad = bad_too != NULL ? bad_too : bad;
    int rc = feed_escapes(p, bytes, bad != NULL ? (size_t)(bad - bytes) : n, e);
    if (rc != 0 || bad == NULL) {
        return rc;
    }
    rc = flush_held(p, e);
    return rc != 0 ? rc : give(p, (const uint8_t *)"\x01", 1, e); /* a control character that yajl does refuse */
}

/* The first bytes: how many of them are a byte order mark. */
static int start_text(struct ticket_parser *p, const uint8_t *bytes, size_t n, size_t *mark, struct error *e)
{
    p->started = true;
    *mark = 0;
    switch (text_start(bytes, n)) {
    case TEXT_BOM:
        *mark = 3;
        return 0;
    case TEXT_UTF16:
        return error_set(e, ERR_SYNTAX, "the file is UTF-16, JSON must be UTF-8");
    case TEXT_UTF32:
        return error_set(e, ERR_SYNTAX, "the file is UTF-32, JSON must be UTF-8");
    case TEXT_NULS:
        return error_set(e, ERR_SYNTAX, "the file begins with NUL bytes: reserved but never written, or damaged");
    case TEXT_EMPTY:
        return error_set(e, ERR_INCOMPLETE, "the file is empty");
    case TEXT_BOM_CUT:
        return error_set(e, ERR_INCOMPLETE, "the document ends too early, in its byte order mark");
    case TEXT_UTF8:
        return 0;
    }
    return 0;
}

static int start_held(struct ticket_parser *p, struct error *e)
{
    uint8_t first[TEXT_START_MAX];
    size_t n = p->held_len;
    memcpy(first, p->held, n);
    p->held_len = 0;
    size_t mark;
    int rc = start_text(p, first, n, &mark, e);
    return rc != 0 ? rc : feed_text(p, first + mark, n - mark, e);
}

int ticket_parser_feed(struct ticket_parser *p, const void *data, size_t n, struct error *e)
{
    const uint8_t *bytes = data;
    if (n > INT64_MAX || (int64_t)n > p->limits.max_bytes - p->total) {
        return error_set(e, ERR_TOO_LARGE, "the ticket is larger than %lld bytes", (long long)p->limits.max_bytes);
    }
    p->total += (int64_t)n;
    if (!p->started && p->held_len == 0 && n >= TEXT_START_MAX) {
        size_t mark;
        int rc = start_text(p, bytes, TEXT_START_MAX, &mark, e);
        return rc != 0 ? rc : feed_text(p, bytes + mark, n - mark, e);
    }
    while (!p->started && n > 0) {
        p->held[p->held_len++] = *bytes++;
        n--;
        int rc = p->held_len == TEXT_START_MAX ? start_held(p, e) : 0;
        if (rc != 0) {
            return rc;
        }
    }
    return n > 0 ? feed_text(p, bytes, n, e) : 0;
}

/* yajl finds out at the end what is missing, but also a number that stands in a wrong place: only now it knows where
 * it ends. */
static int end_failed(struct ticket_parser *p, struct error *e)
{
    if (p->refused.code != 0) {
        return refuse(p, p->open.place, e);
    }
    struct yajl_words words;
    if (ticket_yajl_words(p, &words) != 0) {
        return error_set(e, ERR_NOMEM, "out of memory");
    }
    if (!words.lexical && strcmp(words.text, "premature EOF") != 0) {
        return syntax(p->open.place, words.text, e);
    }
    return error_set(e, ERR_INCOMPLETE, "the document ends too early, at line %lld, column %lld",
                     (long long)p->place.line, (long long)p->place.column);
}

int ticket_parser_finish(struct ticket_parser *p, struct ticket *out, struct error *e)
{
    int rc = p->started ? flush_held(p, e) : start_held(p, e);
    if (rc == 0 && p->held_len > 0) {
        rc = flush_held(p, e); /* the whole text was an escape */
    }
    if (rc != 0) {
        return rc;
    }
    if (ticket_yajl_parse(p, NULL, 0) != yajl_status_ok) {
        return end_failed(p, e);
    }
    *out = p->ticket;
    ticket_init(&p->ticket);
    return 0;
}
