/* SPDX-License-Identifier: Apache-2.0
 *
 * state - what an installation keeps: the key that makes credential ids.
 *
 * The key is made once, at random, mode 0600, under the state directory (default /var/lib/anontap,
 * or $ANONTAP_STATE_DIR). Ids are comparable over runs of one installation and useless elsewhere.
 */
#ifndef ANONTAP_CMD_STATE_H
#define ANONTAP_CMD_STATE_H

#include "base/err.h"
#include "judge/cred.h"

/* Read the key, or make and keep it. Returns 0; 1: it could not be kept, so ids hold for this run only
 * (err says why); -errno when there is no randomness. */
int state_key(uint8_t ret_key[CRED_KEY_SIZE], struct err *err);

#endif
