/* settings_load.h: settings out of a text, as they are read or refused, for their tests: s and faults are the test's. */
#ifndef SHUNT_TEST_SETTINGS_LOAD_H
#define SHUNT_TEST_SETTINGS_LOAD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/base/mem.h"
#include "shunt/core/settings.h"

static struct faults faults;
static struct settings *s;

static inline int setup(void **state)
{
    (void)state;
    faults_init(&faults);
    s = NULL;
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    faults_fini(&faults);
    settings_free(s);
    return 0;
}

static inline struct settings *load(const char *text, const char *const *env)
{
    const struct settings_source source = {
        .file = "shunt.ini", .text = text, .len = text ? strlen(text) : 0, .env = env};
    return settings_new(&source, &faults);
}

static inline void refused(const char *text, const char *fault)
{
    assert_null(load(text, NULL));
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.texts[0], fault);
    faults_fini(&faults);
}

static inline void refused_env(const char *variable, const char *fault)
{
    const char *const env[] = {variable, NULL};
    assert_null(load(NULL, env));
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.texts[0], fault);
    faults_fini(&faults);
}

static inline void note_change(void *user, const char *section, const struct setting *x, const char *value)
{
    if (value)
        str_printf(user, "[%s] %s = %s\n", section, x->key, value);
    else
        str_printf(user, "[%s] is gone\n", section);
}

/* What s prints; read in again, which s is then, it prints the same. The caller's. */
static inline struct str printed_and_read_back(void)
{
    struct str first = STR_INIT, again = STR_INIT;
    settings_print(s, &first);
    settings_free(s);
    s = load(first.bytes, NULL);
    assert_non_null(s);
    settings_print(s, &again);
    assert_string_equal(again.bytes, first.bytes);
    str_fini(&again);
    return first;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
