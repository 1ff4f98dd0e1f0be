/* Any bytes as an access file: who is let in has a name, a role and one secret. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/service/access.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct access *a)
{
    static const uint8_t no_token[SHA256_SIZE];
    for (size_t i = 0; i < a->count; i++) {
        const struct access_entry *entry = &a->entries[i];
        if (!access_name_valid(entry->name, strlen(entry->name)) || !*access_role_word(entry->rights) ||
            (entry->password && memcmp(entry->token, no_token, SHA256_SIZE) != 0) ||
            access_by_line(a, entry->line_id) == NULL)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct access *a = mem_zalloc(sizeof *a);
    struct faults faults;
    char *text = malloc(size + 1);
    if (!a || !text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0'; /* as a file is read */
    faults_init(&faults);
    if (!access_read(a, "access", text, size, &faults))
        abort();
    check(a);
    faults_fini(&faults);
    access_free(a);
    free(text);
    return 0;
}
