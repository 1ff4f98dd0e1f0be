/* curl_calls.c: see curl_calls.h. */
#include "curl_calls.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libcurl.so.4"

static const struct {
    const char *name;
    size_t at;
} functions[] = {
    {"curl_easy_init", offsetof(struct curl_calls, easy_init)},
    {"curl_easy_cleanup", offsetof(struct curl_calls, easy_cleanup)},
    {"curl_easy_reset", offsetof(struct curl_calls, easy_reset)},
    {"curl_easy_setopt", offsetof(struct curl_calls, easy_setopt)},
    {"curl_easy_perform", offsetof(struct curl_calls, easy_perform)},
    {"curl_easy_getinfo", offsetof(struct curl_calls, easy_getinfo)},
    {"curl_easy_strerror", offsetof(struct curl_calls, easy_strerror)},
    {"curl_slist_append", offsetof(struct curl_calls, slist_append)},
    {"curl_slist_free_all", offsetof(struct curl_calls, slist_free_all)},
    {"curl_multi_init", offsetof(struct curl_calls, multi_init)},
    {"curl_multi_cleanup", offsetof(struct curl_calls, multi_cleanup)},
    {"curl_multi_setopt", offsetof(struct curl_calls, multi_setopt)},
    {"curl_multi_add_handle", offsetof(struct curl_calls, multi_add_handle)},
    {"curl_multi_remove_handle", offsetof(struct curl_calls, multi_remove_handle)},
    {"curl_multi_socket_action", offsetof(struct curl_calls, multi_socket_action)},
    {"curl_multi_assign", offsetof(struct curl_calls, multi_assign)},
    {"curl_multi_info_read", offsetof(struct curl_calls, multi_info_read)},
    {"curl_mime_init", offsetof(struct curl_calls, mime_init)},
    {"curl_mime_free", offsetof(struct curl_calls, mime_free)},
    {"curl_mime_addpart", offsetof(struct curl_calls, mime_addpart)},
    {"curl_mime_data", offsetof(struct curl_calls, mime_data)},
    {"curl_mime_type", offsetof(struct curl_calls, mime_type)},
    {"curl_mime_encoder", offsetof(struct curl_calls, mime_encoder)},
};

int curl_calls_load(struct curl_calls *calls, struct error *e)
{
    void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    if (!library)
        return error_set(e, ERR_CONFIG, "libcurl cannot be loaded (Debian's package is libcurl4): %s", dlerror());
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *function = dlsym(library, functions[i].name);
        if (!function)
            return error_set(e, ERR_CONFIG, "this libcurl is not usable: %s", dlerror());
        memcpy((char *)calls + functions[i].at, &function, sizeof function);
    }
    return 0;
}
