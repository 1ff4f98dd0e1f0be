/* test_settings_secret.c: secrets: where they come from, and that they are not shown. */
#include "settings_load.h"

static int read_secret(void *user, const char *path, char **out, struct error *e)
{
    if (strcmp(path, "/run/secrets/url") != 0) {
        return error_set(e, ERR_NOPLACE, "cannot read %s: No such file or directory", path);
    }
    *out = mem_strdup(user);
    return *out ? 0 : ERR_NOMEM;
}

/* The table with a secret in it, as later settings have. */
static const struct setting *secret_schema(void)
{
    static struct setting schema[200];
    size_t n = 0;
    do {
        assert_true(n < sizeof schema / sizeof *schema);
        schema[n] = settings_schema[n];
        if (schema[n].section && strcmp(schema[n].section, "store") == 0 && strcmp(schema[n].key, "url") == 0) {
            schema[n].type = SETTING_SECRET;
        }
    } while (settings_schema[n++].section);
    return schema;
}

static struct settings *load_secret(const char *text, const char *const *env)
{
    const struct settings_source source = {.file = "shunt.ini",
                                           .text = text,
                                           .len = strlen(text),
                                           .env = env,
                                           .read_secret = read_secret,
                                           .user = (void *)"pg:pass ; word"};
    return settings_new_by(secret_schema(), &source, &faults);
}

static void a_secret_comes_from_a_file_and_is_not_printed(void **state)
{
    (void)state;
    const char *const env[] = {"SHUNT_STORE_URL_FILE=/run/secrets/url", NULL};
    s = load_secret("[store]\nurl = in;the;open\n", env);
    assert_non_null(s);
    assert_string_equal(s->store_url, "pg:pass ; word");
    struct str out = STR_INIT;
    settings_print(s, &out);
    assert_non_null(strstr(out.bytes, "[store]\nurl = (set)\n"));
    assert_null(strstr(out.bytes, "pg:pass"));
    str_fini(&out);
}

static void a_secret_of_the_environment_alone_is_refused_in_the_file(void **state)
{
    (void)state;
    refused("[mail]\npassword = hunter2\n",
            "shunt.ini:2: password: does not belong into a file that others read; set SHUNT_MAIL_PASSWORD, or "
            "SHUNT_MAIL_PASSWORD_FILE to the name of a file that holds it");
    const char *const env[] = {"SHUNT_MAIL_PASSWORD=hunter2", NULL};
    s = load_secret("[mail]\npassword =\n", env);
    assert_non_null(s);
    assert_string_equal(s->mail_password, "hunter2");
}

static void a_secret_is_not_set_twice(void **state)
{
    (void)state;
    const char *const env[] = {"SHUNT_STORE_URL=x", "SHUNT_STORE_URL_FILE=/run/secrets/url", NULL};
    assert_null(load_secret("", env));
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.texts[0], "SHUNT_STORE_URL: set together with SHUNT_STORE_URL_FILE; only one may be");
    faults_fini(&faults);
    const char *const reversed[] = {env[1], env[0], NULL};
    assert_null(load_secret("", reversed));
    assert_int_equal(faults.count, 1);
}

static void a_secrets_file_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    const char *const env[] = {"SHUNT_STORE_URL_FILE=/gone", NULL};
    assert_null(load_secret("", env));
    assert_string_equal(faults.texts[0], "SHUNT_STORE_URL_FILE: cannot read /gone: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_secret_comes_from_a_file_and_is_not_printed),
        TEST(a_secret_of_the_environment_alone_is_refused_in_the_file),
        TEST(a_secret_is_not_set_twice),
        TEST(a_secrets_file_that_cannot_be_read_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
