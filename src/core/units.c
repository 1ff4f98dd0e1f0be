#include "shunt/core/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* the last entry ends the table */
static const struct unit size_units[] = {
    {"", 1},      {"KiB", INT64_C(1) << 10}, {"MiB", INT64_C(1) << 20}, {"GiB", INT64_C(1) << 30},
    {"kB", 1000}, {"MB", 1000000},           {"GB", 1000000000},        {NULL, 0},
};

static const struct unit time_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};

/* Digits only; *end: behind them. False where there are none or too many. */
static bool digits(const char *text, int64_t *out, const char **end)
{
    int64_t n = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *p - '0', &n)) {
            return false;
        }
    }
    *out = n;
    *end = p;
    return p > text;
}

static int with_unit(const char *text, const struct unit *units, int64_t *out)
{
    int64_t n;
    const char *unit;
    if (!digits(text, &n, &unit)) {
        return ERR_CONFIG;
    }
    if (unit[0] == ' ' && unit[1] != '\0') {
        unit++;
    }
    for (; units->name; units++) {
        if (strcmp(unit, units->name) == 0) {
            return __builtin_mul_overflow(n, units->factor, out) ? ERR_CONFIG : 0;
        }
    }
    if (n == 0 && unit[0] == '\0') {
        *out = 0;
        return 0;
    }
    return ERR_CONFIG;
}

int units_bytes(const char *text, int64_t *out, struct error *e)
{
    int rc = with_unit(text, size_units, out);
    return rc ? error_set(e, rc, "\"%s\" is not a size; write it as 512, 64KiB, 64MiB or 1GiB (also kB, MB, GB)", text)
              : 0;
}

int units_ms(const char *text, int64_t *out, struct error *e)
{
    int rc = with_unit(text, time_units, out);
    return rc ? error_set(e, rc, "\"%s\" is not a time; write it with its unit as 250ms, 2s, 3m, 4h or 90d", text) : 0;
}

int units_bool(const char *text, bool *out, struct error *e)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            *out = strcmp(text, yes[i]) == 0;
            return 0;
        }
    }
    return error_set(e, ERR_CONFIG, "\"%s\" is neither yes nor no", text);
}

int units_mode(const char *text, unsigned *out, struct error *e)
{
    size_t n = strlen(text);
    if (n < 3 || n > 4 || strspn(text, "01234567") != n) {
        return error_set(e, ERR_CONFIG, "\"%s\" is not a mode; write octal digits as 0664", text);
    }
    unsigned mode = 0;
    for (const char *p = text; *p != '\0'; p++) {
        mode = mode * 8 + (unsigned)(*p - '0');
    }
    if (mode & 06000) {
        return error_set(e, ERR_CONFIG, "mode %s has a set-id bit, which is not allowed here", text);
    }
    *out = mode;
    return 0;
}

int units_count(const char *text, int64_t min, int64_t max, int64_t *out, struct error *e)
{
    int64_t n;
    const char *end;
    if (!digits(text, &n, &end) || *end != '\0') {
        return error_set(e, ERR_CONFIG, "\"%s\" is not a whole number", text);
    }
    if (n < min || n > max) {
        return error_set(e, ERR_CONFIG, "%s is not between %" PRId64 " and %" PRId64, text, min, max);
    }
    *out = n;
    return 0;
}

/* Not strtod: it takes nan, inf, hexadecimal, and the decimal comma of some locales. */
int units_factor(const char *text, double *out, struct error *e)
{
    int64_t whole, part = 0;
    double scale = 1;
    const char *end;
    bool good = digits(text, &whole, &end);
    if (good && *end == '.') {
        const char *first = end + 1;
        good = digits(first, &part, &end);
        for (const char *p = first; p < end; p++) {
            scale *= 10;
        }
    }
    if (!good || *end != '\0') {
        return error_set(e, ERR_CONFIG, "\"%s\" is not a number such as 6 or 1.5", text);
    }
    *out = (double)whole + (double)part / scale;
    return 0;
}

static void shortest(int64_t n, const struct unit *units, char out[UNITS_TEXT_MAX])
{
    size_t best = UNITS_TEXT_MAX;
    for (; units->name; units++) {
        char text[UNITS_TEXT_MAX];
        if (n % units->factor == 0) {
            size_t len = (size_t)snprintf(text, sizeof text, "%" PRId64 "%s", n / units->factor, units->name);
            if (len <= best) {
                best = len;
                memcpy(out, text, len + 1);
            }
        }
    }
}

void units_bytes_text(int64_t bytes, char out[UNITS_TEXT_MAX])
{
    shortest(bytes, size_units, out);
}

void units_ms_text(int64_t ms, char out[UNITS_TEXT_MAX])
{
    if (ms == 0) {
        memcpy(out, "0", 2);
    } else {
        shortest(ms, time_units, out);
    }
}
