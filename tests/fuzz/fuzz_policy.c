/* SPDX-License-Identifier: Apache-2.0
 *
 * The first line is a method and a URI, the rest an audit policy: what is computed lies inside the
 * arguments or the scratch, and any policy that is taken answers about any request.
 */
#include <stdint.h>
#include <stdlib.h>
#include "audit/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sum;

static void touch(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		sum += (unsigned char)s.p[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str yaml = { (const char *)data, size }, uri = str_take_until(&yaml, '\n'), method = str_take_until(&uri, ' ');
	struct str groups[] = { STR("dev"), STR("system:authenticated") };
	struct policy_user user = { STR("alice"), groups, 2 };
	struct request_info info = { 0 };
	struct policy *policy = NULL;
	struct policy_answer answer;
	struct err err;
	bool is_request = !request_info_parse(&info, method, uri);

	touch(info.path);
	touch(info.verb);
	touch(info.api_prefix);
	touch(info.api_group);
	touch(info.api_version);
	touch(info.ns);
	touch(info.resource);
	touch(info.subresource);
	touch(info.name);
	if (!policy_parse(yaml, "policy.yaml", &policy, &err) && is_request) {
		policy_ask(policy, &info, &user, &answer);
		policy_ask(policy, &info, NULL, &answer);
		sum += policy_is_silent(&answer, 8) + answer.line;
	}
	policy_free(policy);
	request_info_done(&info);
	return 0;
}
