/* SPDX-License-Identifier: Apache-2.0
 *
 * commands - the rows of the table of commands (cli.h), each defined in its cmd_*.c. */
#ifndef ANONTAP_CMD_COMMANDS_H
#define ANONTAP_CMD_COMMANDS_H

#include "cmd/cli.h"

extern const struct command cmd_trace, cmd_replay, cmd_analyze, cmd_doctor, cmd_version, cmd_help;

#endif
