/* ticket_file.h: a file named on the command line: where it lies, whose it is, what it says. Blocking. */
#ifndef SHUNT_CLI_TICKET_FILE_H
#define SHUNT_CLI_TICKET_FILE_H

#include <stdbool.h>

#include "shunt/core/name.h"
#include "shunt/io/source.h"
#include "shunt/service/config.h"

struct ticket_file {
    char *path;             /* absolute */
    char folder[NAME_SIZE]; /* the client's folder; "" none */
    char name[NAME_SIZE];
    bool in_hot;
    enum name_kind kind;
    struct source_content content;
    struct ticket ticket; /* empty where invalid */
    struct error invalid; /* why it would fail; code 0: it would not */
};

/* client: given by the user, or NULL: the hot folder it lies in, else its own ClientCode. Non-zero: it cannot be read
 * at all. */
int ticket_file_read(struct ticket_file *file, const struct config *config, const char *path, const char *client,
                     struct error *e);
void ticket_file_fini(struct ticket_file *file);

#endif
