/* manual.h: the pages of the manual, as man(7) source. */
#ifndef SHUNT_CLI_MANUAL_H
#define SHUNT_CLI_MANUAL_H

#include "shunt/base/str.h"

void manual_program(struct str *out);
void manual_settings(struct str *out);
void manual_routes(struct str *out);

#endif
