/* SPDX-License-Identifier: Apache-2.0 */
#include "base/counters.h"

#include <string.h>

static const struct {
	const char *name, *help;
} about[COUNT_MAX] = {
#define KERNEL(name, help) [COUNT_##name] = { #name, help },
#define USER(name, help) [COUNT_##name] = { #name, help },
#include "counters.def"
#undef KERNEL
#undef USER
};

const char *counter_name(enum counter which)
{
	return about[which].name;
}

const char *counter_help(enum counter which)
{
	return about[which].help;
}

bool counter_is_loss(enum counter which)
{
	return !strncmp(about[which].name, "lost_", 5);
}
