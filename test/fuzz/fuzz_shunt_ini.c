/* Any bytes as shunt.ini: either faults or settings, and settings that are printed read back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/core/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct settings *load(const char *text, size_t len)
{
    struct faults faults;
    faults_init(&faults);
    const struct settings_source source = {.file = "shunt.ini", .text = text, .len = len};
    struct settings *s = settings_new(&source, &faults);
    if ((s != NULL) == faults_any(&faults)) {
        abort();
    }
    faults_fini(&faults);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings *s = load((const char *)data, size);
    if (!s) {
        return 0;
    }
    struct str first = STR_INIT, again = STR_INIT;
    settings_print(s, &first);
    settings_free(s);
    s = load(first.bytes, first.len);
    if (!s) {
        abort();
    }
    settings_print(s, &again);
    if (first.len != again.len || memcmp(first.bytes, again.bytes, first.len) != 0) {
        abort();
    }
    settings_free(s);
    str_fini(&first);
    str_fini(&again);
    return 0;
}
