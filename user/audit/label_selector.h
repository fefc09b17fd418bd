/* SPDX-License-Identifier: Apache-2.0
 *
 * label_selector - would the server take this label selector? One that it does not take makes it forget
 * the other options of a list too, and with them the name that a field selector gives the request.
 * The rules of labels.Parse in k8s.io/apimachinery/pkg/labels/selector.go v0.34.2.
 */
#ifndef ANONTAP_AUDIT_LABEL_SELECTOR_H
#define ANONTAP_AUDIT_LABEL_SELECTOR_H

#include "base/str.h"

bool label_selector_is_valid(struct str s);

/* A DNS subdomain (RFC 1123): labels of lower-case letters, digits and inner dashes; 253 bytes at most. */
bool label_is_subdomain(struct str s);

#endif
