/* main.c: the program's entry. Everything is in the rooms. */
#include "shunt/cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
