/* api_stats.c: the statistics of a day as this instance counts them: today's from the loop, another day's from the
 * store. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/mem.h"

#include "control_inner.h"

struct day_call {
    struct call call; /* first */
    int date;         /* yyyymmdd */
    unsigned instance;
};

static int gone(const struct day_call *day, struct error *e)
{
    return error_set(e, ERR_GONE, "%04d-%02d-%02d: nothing is kept of this day", day->date / 10000,
                     day->date / 100 % 100, day->date % 100);
}

static int read_day(struct call *call, struct store *store, struct error *e)
{
    const struct day_call *day = (struct day_call *)call;
    json_t *days = NULL;
    int rc = store ? store_load_day(store, day->date, &days, e) : gone(day, e);
    char instance[16];
    snprintf(instance, sizeof instance, "%u", day->instance);
    if (rc == 0 && !(call->result = json_incref(json_object_get(days, instance))))
        rc = gone(day, e);
    json_decref(days);
    return rc;
}

/* "2026-02-06" */
static bool is_date(const char *text, int *out)
{
    static const char shape[] = "dddd-dd-dd";
    *out = 0;
    if (strlen(text) != sizeof shape - 1)
        return false;
    for (size_t i = 0; shape[i] != '\0'; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != shape[i])
            return false;
        *out = digit ? *out * 10 + (text[i] - '0') : *out;
    }
    int month = *out / 100 % 100, day = *out % 100;
    return *out >= 10000 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static json_t *minutes_json(const struct control *c)
{
    uint64_t counts[MINUTES_KEPT];
    minutes_hour(feed_minutes(c->feed), runtime_now(&c->service->rt), counts);
    json_t *list = json_array();
    for (int i = 0; i < MINUTES_KEPT; i++) {
        if (json_array_append_new(list, json_integer((json_int_t)counts[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static void answer_today(struct http_request *request, const struct control *c)
{
    json_t *today = stats_to_json(c->service->rt.stats);
    if (today && json_object_set_new(today, "minutes", minutes_json(c)) != 0) {
        json_decref(today);
        today = NULL;
    }
    api_answer(request, 200, today);
}

void api_stats(struct http_request *request, void *context)
{
    struct control *c = context;
    const char *text = http_request_query(request, "date");
    int date = stats_date(c->service->rt.stats);
    if (text && !is_date(text, &date)) {
        http_respond_problem(request, 400, "date: %s is no day; write it as 2026-02-06", text);
        return;
    }
    if (date == stats_date(c->service->rt.stats)) {
        answer_today(request, c);
        return;
    }
    struct day_call *day = call_new(c, request, sizeof *day);
    if (!day)
        return;
    day->date = date;
    day->instance = c->service->instance.number;
    day->call.run = read_day;
    day->call.done = api_result;
    call_begin_or_refuse(&day->call, &c->reads);
}
