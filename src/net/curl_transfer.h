/* curl_transfer.h: for those in this room who send by curl_loop.h.
 *
 * A transfer is an easy handle, made and set up by its owner with curl_loop_calls(), then given to curl_transfer_start.
 * Contract: non-zero from there = `done` is never called; zero = exactly once, from the loop, or from curl_loop_close with
 * CURLE_ABORTED_BY_CALLBACK. In `done` the handle is the owner's again, who cleans it up. Thread: loop. */
#ifndef SHUNT_NET_CURL_TRANSFER_H
#define SHUNT_NET_CURL_TRANSFER_H

#include "shunt/net/curl_loop.h"

#include "curl_calls.h"

struct curl_transfer { /* in the owner's struct; stays where it is */
    CURL *easy;
    void (*done)(struct curl_transfer *t, CURLcode code);
    struct curl_transfer *next, **link; /* among those under way */
};

/* Loads libcurl where that has not been done. ERR_CONFIG, ERR_NOMEM. */
int curl_loop_calls(struct curl_loop *c, const struct curl_calls **out, struct error *e);
int curl_transfer_start(struct curl_loop *c, struct curl_transfer *t, struct error *e);

#endif
