/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/commands.h"

const struct command *const commands[] = {
	&cmd_trace, &cmd_replay, &cmd_analyze, &cmd_doctor, &cmd_version, &cmd_help, NULL,
};
