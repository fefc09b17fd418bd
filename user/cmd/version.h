/* SPDX-License-Identifier: Apache-2.0
 *
 * version - the release this tree is on the way to. */
#ifndef ANONTAP_CMD_VERSION_H
#define ANONTAP_CMD_VERSION_H

#define ANONTAP_VERSION "0.1.0"

#endif
