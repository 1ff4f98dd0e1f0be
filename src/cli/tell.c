/* tell.c: see tell.h. */
#include "tell.h"

#include <string.h>

#include "shunt/cli/ask.h"
#include "shunt/cli/filter.h"
#include "shunt/service/service.h"

int tell_post(const struct config *c, bool every, const char *collection, const char *name, const char *word,
              struct error *e)
{
    struct ask a;
    struct str target = STR_INIT;
    json_t *answer = NULL;
    ask_begin(&a, c);
    str_printf(&target, "/api/v1/%s/", collection);
    url_part(&target, name);
    str_printf(&target, "/%s", word);
    int rc = str_failed(&target) ? error_set(e, ERR_NOMEM, "out of memory")
                                 : ask_post_all(&a, every, target.bytes, &answer, e);
    json_decref(answer);
    ask_end(&a);
    str_fini(&target);
    return rc;
}

int tell_each(const struct cli *cli, tell_cb tell, const char *told)
{
    struct config *c = cli_config(cli);
    int code = EXIT_DONE;
    if (!c)
        return EXIT_CONFIG;
    for (int i = 0; i < cli->n_args; i++) {
        struct error e = {0};
        struct str out = STR_INIT;
        if (tell(c, cli->args[i], &e) == 0) {
            str_plain(&out, cli->args[i], strlen(cli->args[i]));
            str_puts(&out, told);
            int printed = cli_print(&out);
            code = code == EXIT_DONE ? printed : code;
        } else {
            code = cli_fail(&e);
        }
        str_fini(&out);
    }
    config_free(c);
    return code;
}
