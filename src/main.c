/* main.c: the program's entry. Everything is in the rooms. */
#include "shunt/cli/cli.h"
#include "shunt/service/program.h"

int main(int argc, char **argv)
{
    program_child(argc, argv); /* where we are to become a task's program */
    return cli_main(argc, argv);
}
