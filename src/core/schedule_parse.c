/* schedule_parse.c: schedules and off hours as people write them. One reader of lists, ranges and steps serves the five
 * fields of a crontab, the days and the minutes. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "shunt/core/schedule.h"

#define WEEKDAYS_ALL 0x7f

struct field {
    const char *what;
    int low, high;
    const char *const *names; /* of low, low + 1 ...; NULL-terminated; NULL: none */
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const struct field minute_field = {"minute", 0, 59, NULL};
static const struct field hour_field = {"hour", 0, 23, NULL};
static const struct field day_field = {"day of the month", 1, 31, NULL};
static const struct field month_field = {"month", 1, 12, month_names};
static const struct field weekday_field = {"day of the week", 0, 7, day_names}; /* 7 is Sunday too */

/* Up to three digits. False: others. */
static bool number(const char **p, const char *end, int *out)
{
    const char *first = *p;
    for (*out = 0; *p < end && isdigit((unsigned char)**p) && *p - first < 3; (*p)++)
        *out = *out * 10 + (**p - '0');
    return *p > first;
}

static bool value(const struct field *f, const char **p, const char *end, int *out)
{
    for (int i = 0; f->names && f->names[i]; i++) {
        size_t n = strlen(f->names[i]);
        if ((size_t)(end - *p) >= n && strncasecmp(*p, f->names[i], n) == 0) {
            *p += n;
            *out = f->low + i;
            return true;
        }
    }
    return number(p, end, out) && *out >= f->low && *out <= f->high;
}

/* "*", "5", "1-5", "*" "/2", "1-5/2", from p to end. */
static int read_item(const struct field *f, const char *p, const char *end, uint64_t *bits, struct error *e)
{
    const char *text = p;
    int low = f->low, high = f->high, step = 1;
    bool fine = p < end, range = fine && *p == '*';
    if (range) {
        p++;
    } else {
        fine = fine && value(f, &p, end, &low);
        high = low;
        if (fine && p < end && *p == '-') {
            p++;
            range = true;
            fine = value(f, &p, end, &high);
            if (fine && high == 0 && low > 0 && f->high == 7) /* fri-sun */
                high = 7;
        }
    }
    if (fine && range && p < end && *p == '/') {
        p++;
        fine = number(&p, end, &step) && step > 0;
    }
    if (!fine || p != end || low > high)
        return error_set(e, ERR_CONFIG, "\"%.*s\" is no %s", (int)(end - text), text, f->what);
    for (int i = low; i <= high; i += step)
        *bits |= UINT64_C(1) << i;
    return 0;
}

/* Items with commas between. */
static int read_field(const struct field *f, const char *text, size_t len, uint64_t *bits, struct error *e)
{
    const char *stop = text + len;
    *bits = 0;
    for (const char *p = text;; p++) {
        const char *end = memchr(p, ',', (size_t)(stop - p));
        int rc = read_item(f, p, end ? end : stop, bits, e);
        if (rc != 0 || !end)
            return rc;
        p = end;
    }
}

static uint8_t weekdays_of(uint64_t bits)
{
    return (uint8_t)((bits | bits >> 7) & WEEKDAYS_ALL);
}

static int read_list(const struct field *f, char *const *items, size_t n, uint64_t *bits, struct error *e)
{
    *bits = 0;
    for (size_t i = 0; i < n; i++)
        if (read_item(f, items[i], items[i] + strlen(items[i]), bits, e) != 0)
            return ERR_CONFIG;
    return 0;
}

static int read_days(char *const *days, size_t n, uint8_t *out, struct error *e)
{
    uint64_t bits;
    int rc = read_list(&weekday_field, days, n, &bits, e);
    if (rc == 0)
        *out = weekdays_of(bits);
    return rc;
}

/* "7:00", "19:30" at p; moved behind it. */
static bool time_of_day(const char **p, int *minute)
{
    int hour, rest;
    const char *colon = strchrnul(*p, ':'), *end = colon + 1;
    if (*colon == '\0' || !number(p, colon, &hour) || *p != colon || hour > 23)
        return false;
    *p = end;
    if (!number(p, end + strnlen(end, 2), &rest) || *p != end + 2 || rest > 59)
        return false;
    *minute = hour * 60 + rest;
    return true;
}

static void set_minute(struct schedule *s, int minute)
{
    s->minutes[minute / 64] |= UINT64_C(1) << (minute % 64);
}

void schedule_every(struct schedule *s, int64_t every_ms)
{
    *s = (struct schedule){.every_ms = every_ms};
}

int schedule_at(struct schedule *s, char *const *times, size_t n, struct error *e)
{
    *s = (struct schedule){.days = UINT32_MAX, .months = UINT16_MAX, .weekdays = WEEKDAYS_ALL};
    for (size_t i = 0; i < n; i++) {
        const char *p = times[i];
        int minute;
        if (!time_of_day(&p, &minute) || *p != '\0')
            return error_set(e, ERR_CONFIG, "\"%s\" is no time of the day such as 07:00", times[i]);
        set_minute(s, minute);
    }
    return 0;
}

int schedule_on(struct schedule *s, char *const *days, size_t n, struct error *e)
{
    return n > 0 ? read_days(days, n, &s->weekdays, e) : 0;
}

int schedule_cron(struct schedule *s, const char *text, struct error *e)
{
    static const struct field *const fields[] = {&minute_field, &hour_field, &day_field, &month_field, &weekday_field};
    uint64_t bits[5];
    bool star[5];
    size_t len = strlen(text), n = 0;
    const char *p = text, *end = text + len;
    if (len >= 2 && *p == '"' && end[-1] == '"') {
        p++;
        end--;
    }
    for (p += strspn(p, " \t"); p < end; n++) {
        size_t part = strcspn(p, " \t");
        part = part < (size_t)(end - p) ? part : (size_t)(end - p);
        if (n == 5)
            break;
        if (read_field(fields[n], p, part, &bits[n], e) != 0)
            return ERR_CONFIG;
        star[n] = *p == '*';
        p += part;
        p += strspn(p, " \t");
    }
    if (n != 5 || p < end)
        return error_set(e, ERR_CONFIG,
                         "five fields are needed: minute, hour, day of the month, month, day of the week");
    *s = (struct schedule){.days = (uint32_t)bits[2],
                           .months = (uint16_t)bits[3],
                           .weekdays = weekdays_of(bits[4]),
                           .either = !star[2] && !star[4],
                           .cron = text};
    for (int minute = 0; minute < SCHEDULE_DAY_MINUTES; minute++)
        if (bits[1] >> (minute / 60) & bits[0] >> (minute % 60) & 1)
            set_minute(s, minute);
    return 0;
}

int off_hours_span(struct off_hours *o, const char *text, struct error *e)
{
    const char *p = text;
    o->from = o->to = 0;
    if (*text == '\0')
        return 0;
    if (!time_of_day(&p, &o->from) || *p++ != '-' || !time_of_day(&p, &o->to) || *p != '\0')
        return error_set(e, ERR_CONFIG, "\"%s\" is no span of the day such as 22:00-05:00", text);
    return 0;
}

int off_hours_days(struct off_hours *o, char *const *days, size_t n, struct error *e)
{
    return read_days(days, n, &o->weekdays, e);
}

int off_hours_minutes(struct off_hours *o, char *const *minutes, size_t n, struct error *e)
{
    if (n > 0)
        return read_list(&minute_field, minutes, n, &o->minutes, e);
    o->minutes = UINT64_MAX;
    return 0;
}
