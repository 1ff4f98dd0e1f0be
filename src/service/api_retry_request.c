/* api_retry_request.c: which tickets a request wants put back, and how. What it does not say exactly is refused. */
#include <string.h>

#include "shunt/base/mem.h"

#include "api_retry.h"

#define RETRY_LIMIT 1000 /* unless the request says otherwise */

static int only(const json_t *object, const char *where, const char *const *names, struct error *e)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        const char *const *known = names;
        while (*known && strcmp(*known, key) != 0)
            known++;
        if (!*known)
            return error_set(e, ERR_USAGE, "%s%.64s: no such parameter", where, key);
    }
    return 0;
}

static int get_bool(const json_t *body, const char *key, bool *out, struct error *e)
{
    const json_t *value = json_object_get(body, key);
    if (value && !json_is_boolean(value))
        return error_set(e, ERR_USAGE, "%s: neither true nor false", key);
    *out = json_is_true(value);
    return 0;
}

static int get_text(const json_t *filter, const char *key, const char **out, struct error *e)
{
    const json_t *value = json_object_get(filter, key);
    *out = json_string_value(value);
    return !value || *out ? 0 : error_set(e, ERR_USAGE, "filter.%s: no text", key);
}

static int get_filter(struct retry_call *retry, const json_t *filter, int64_t now_wall_ms, struct error *e)
{
    static const char *const known[] = {"client", "category", "destination", "error", "text", "since", "until", NULL};
    struct filter_texts t = {0};
    const char **const texts[] = {&t.client, &t.category, &t.destination, &t.error, &t.text, &t.since, &t.until};
    if (!json_is_object(filter) || json_object_size(filter) == 0)
        return error_set(e, ERR_USAGE,
                         "filter: an object with at least one of client, category, destination, error, "
                         "text, since, until; for every failed ticket say \"all\": true");
    int rc = only(filter, "filter.", known, e);
    for (size_t i = 0; rc == 0 && known[i]; i++)
        rc = get_text(filter, known[i], texts[i], e);
    rc = rc ? rc : api_filter(&t, now_wall_ms, &retry->filter, e);
    if (rc)
        error_context(e, "filter");
    return rc;
}

static int get_ids(struct retry_call *retry, json_t *ids, struct error *e)
{
    size_t i;
    json_t *id;
    if (!json_is_array(ids))
        return error_set(e, ERR_USAGE, "ids: no list");
    json_array_foreach (ids, i, id)
        if (json_string_length(id) == 0)
            return error_set(e, ERR_USAGE, "ids: number %zu is no text", i + 1);
    retry->ids = ids;
    return 0;
}

static int get_limit(struct retry_call *retry, struct error *e)
{
    const json_t *limit = json_object_get(retry->body, "limit");
    retry->limit = RETRY_LIMIT;
    if (!limit)
        return 0;
    json_int_t n = json_integer_value(limit);
    if (n < 1 || n > RETRY_MAX)
        return error_set(e, ERR_USAGE, "limit: no number from 1 to %d", RETRY_MAX);
    retry->limit = (size_t)n;
    return 0;
}

/* Where an answer before said to go on; the store refuses what is no such place. */
static int get_before(struct retry_call *retry, struct error *e)
{
    const json_t *before = json_object_get(retry->body, "before");
    if (!before)
        return 0;
    if (!json_is_string(before) || retry->ids)
        return error_set(e, ERR_USAGE, "before: \"next\" of an answer, with filter or all");
    retry->cursor = mem_strdup(json_string_value(before));
    return retry->cursor ? 0 : error_set(e, ERR_NOMEM, "out of memory");
}

/* What is asked for; *e names what is wrong. */
static int understand(struct retry_call *retry, int64_t now_wall_ms, struct error *e)
{
    static const char *const known[] = {"ids", "filter", "all", "dry_run", "limit", "reroute", "before", NULL};
    json_t *ids = json_object_get(retry->body, "ids"), *filter = json_object_get(retry->body, "filter");
    bool all = false;
    if (!json_is_object(retry->body))
        return error_set(e, ERR_USAGE, "the body is no JSON object");
    int rc = only(retry->body, "", known, e);
    rc = rc ? rc : get_bool(retry->body, "all", &all, e);
    rc = rc ? rc : get_bool(retry->body, "dry_run", &retry->dry_run, e);
    rc = rc ? rc : get_bool(retry->body, "reroute", &retry->reroute, e);
    rc = rc ? rc : get_limit(retry, e);
    if (rc == 0 && (ids != NULL) + (filter != NULL) + all != 1)
        rc = error_set(e, ERR_USAGE, "exactly one of ids, filter and all says which");
    retry->filter.statuses = 1U << STATUS_FAILED;
    if (rc == 0 && ids)
        rc = get_ids(retry, ids, e);
    else if (rc == 0 && filter)
        rc = get_filter(retry, filter, now_wall_ms, e);
    return rc ? rc : get_before(retry, e);
}

int retry_read(struct retry_call *retry, struct error *e)
{
    size_t len;
    const char *body = http_request_body(retry->call.request, &len);
    const struct clock *clock = retry->call.control->service->rt.clock;
    json_error_t fault;
    retry->body = json_loadb(body, len, JSON_REJECT_DUPLICATES, &fault);
    if (!retry->body && json_error_code(&fault) == json_error_out_of_memory)
        return error_set(e, ERR_NOMEM, "out of memory");
    if (!retry->body)
        return error_set(e, ERR_USAGE, "the body is no JSON: line %d: %s", fault.line, fault.text);
    return understand(retry, clock->wall_ms(clock), e);
}
