/* curl_calls.h: libcurl, loaded when the first HTTP client is made, or the first transfer of the loop begins.
 *
 * Not linked: with its libraries (Kerberos, LDAP, SSH, ...) it costs every process 2 MiB and 10 ms at the start, also the
 * service, which is no client. ERR_CONFIG: libcurl.so.4 is missing or too old. Thread: any. It stays loaded. */
#ifndef SHUNT_NET_CURL_CALLS_H
#define SHUNT_NET_CURL_CALLS_H

#include <curl/curl.h>

#include "shunt/base/error.h"

#define CURL_CALL(name) __typeof__(curl_##name) *name
struct curl_calls {
    CURL_CALL(easy_init);
    CURL_CALL(easy_cleanup);
    CURL_CALL(easy_reset);
    CURL_CALL(easy_setopt);
    CURL_CALL(easy_perform);
    CURL_CALL(easy_getinfo);
    CURL_CALL(easy_strerror);
    CURL_CALL(slist_append);
    CURL_CALL(slist_free_all);
    CURL_CALL(multi_init);
    CURL_CALL(multi_cleanup);
    CURL_CALL(multi_setopt);
    CURL_CALL(multi_add_handle);
    CURL_CALL(multi_remove_handle);
    CURL_CALL(multi_socket_action);
    CURL_CALL(multi_assign);
    CURL_CALL(multi_info_read);
    CURL_CALL(mime_init);
    CURL_CALL(mime_free);
    CURL_CALL(mime_addpart);
    CURL_CALL(mime_data);
    CURL_CALL(mime_type);
    CURL_CALL(mime_encoder);
};
#undef CURL_CALL

int curl_calls_load(struct curl_calls *calls, struct error *e);

#endif
