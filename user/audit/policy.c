/* SPDX-License-Identifier: Apache-2.0
 * One idea: the YAML is composed once and kept; rules are lists of str borrowed from its nodes. */
#include "audit/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>
#include "audit/label_selector.h"
#include "audit/lines.h"

struct list {
	struct str *v;
	size_t n;
};

struct resources {
	struct str group;
	struct list resources, names;
};

struct rule {
	enum audit_level level;
	unsigned omitted;
	unsigned line;
	struct list users, groups, verbs, namespaces, urls;
	struct resources *resources;
	size_t nr_resources;
};

struct policy {
	yaml_document_t doc;
	bool has_doc;
	const char *name;	/* while it is read */
	struct err *err;
	struct err warning;
	unsigned omitted;
	struct rule *rules;
	size_t nr_rules;
};

/* ---- what stands where */

static unsigned line_of(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.line + 1;
}

static struct str text_of(const yaml_node_t *node)
{
	return (struct str){ (const char *)node->data.scalar.value, node->data.scalar.length };
}

static bool is_null(const yaml_node_t *node)
{
	struct str s;

	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	s = text_of(node);
	return !s.n || str_eq(s, STR("~")) || str_eq(s, STR("null")) || str_eq(s, STR("Null")) || str_eq(s, STR("NULL"));
}

static int wrong(struct policy *p, const yaml_node_t *node, const char *field, const char *why)
{
	return err_set(p->err, -EINVAL, "%s:%u: %s %s", p->name, line_of(node), field, why);
}

/* How many letters must be changed, added or left out. */
static size_t distance(struct str a, struct str b)
{
	size_t row[32];

	if (a.n >= 64 || b.n >= sizeof(row) / sizeof(*row))
		return SIZE_MAX;
	for (size_t k = 0; k <= b.n; k++)
		row[k] = k;
	for (size_t i = 0; i < a.n; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t k = 0; k < b.n; k++) {
			size_t best = diagonal + !str_ieq((struct str){ a.p + i, 1 }, (struct str){ b.p + k, 1 });

			diagonal = row[k + 1];
			if (row[k] + 1 < best)
				best = row[k] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[k + 1] = best;
		}
	}
	return row[b.n];
}

/* NULL-terminated words; the nearest one to s. */
static const char *nearest(struct str s, const char *const *words)
{
	const char *best = words[0];

	for (; *words; words++)
		if (distance(s, str_of(*words)) < distance(s, str_of(best)))
			best = *words;
	return best;
}

static bool is_word(struct str s, const char *const *words)
{
	for (; *words; words++)
		if (str_eq(s, str_of(*words)))
			return true;
	return false;
}

static const char *const policy_keys[] = { "apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields", NULL };
static const char *const rule_keys[] = { "level", "users", "userGroups", "verbs", "resources", "namespaces",
					 "nonResourceURLs", "omitStages", "omitManagedFields", NULL };
static const char *const resources_keys[] = { "group", "resources", "resourceNames", NULL };

/* All keys of a mapping are known, or the first that is not is kept as the warning. */
static int check_keys(struct policy *p, const yaml_node_t *node, const char *what, const char *const *keys)
{
	if (node->type != YAML_MAPPING_NODE)
		return wrong(p, node, what, "must be a mapping of fields");
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&p->doc, pair->key);

		if (key->type != YAML_SCALAR_NODE)
			return wrong(p, key, what, "has a field whose name is no text");
		if (str_eq(text_of(key), STR("<<")))
			return wrong(p, key, what, "uses a merge key (<<): write the fields out");
		if (!is_word(text_of(key), keys) && !p->warning.text[0])
			(void)err_set(&p->warning, 0, "%s:%u: %s has no field \"%.*s\", the server ignores it: did you mean \"%s\"?",
				      p->name, line_of(key), what, STR_ARG(str_first(text_of(key), 64)),
				      nearest(text_of(key), keys));
	}
	return 0;
}

/* The value of a field, NULL if it is not there or null; of equal keys the last counts. */
static const yaml_node_t *field(struct policy *p, const yaml_node_t *node, const char *name)
{
	const yaml_node_t *found = NULL;

	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
		if (str_eq(text_of(yaml_document_get_node(&p->doc, pair->key)), str_of(name)))
			found = yaml_document_get_node(&p->doc, pair->value);
	return found && !is_null(found) ? found : NULL;
}

static int read_text(struct policy *p, const yaml_node_t *node, const char *name, struct str *ret)
{
	const yaml_node_t *value = field(p, node, name);

	*ret = (struct str){ 0 };
	if (!value)
		return 0;
	if (value->type != YAML_SCALAR_NODE)
		return wrong(p, value, name, "must be one text");
	*ret = text_of(value);
	return 0;
}

/* A field that is a list; *ret_items is NULL and *ret_n 0 where there is none. */
static int read_items(struct policy *p, const yaml_node_t *node, const char *name, const yaml_node_item_t **ret_items,
		      size_t *ret_n)
{
	const yaml_node_t *value = field(p, node, name);

	*ret_items = NULL;
	*ret_n = 0;
	if (!value)
		return 0;
	if (value->type != YAML_SEQUENCE_NODE)
		return wrong(p, value, name, "must be a list");
	*ret_items = value->data.sequence.items.start;
	*ret_n = (size_t)(value->data.sequence.items.top - value->data.sequence.items.start);
	return 0;
}

static int read_list(struct policy *p, const yaml_node_t *node, const char *name, struct list *ret)
{
	const yaml_node_item_t *items;
	size_t n;
	int r;

	r = read_items(p, node, name, &items, &n);
	if (r || !n)
		return r;
	ret->v = calloc(n, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (; ret->n < n; ret->n++) {
		const yaml_node_t *item = yaml_document_get_node(&p->doc, items[ret->n]);

		if (item->type != YAML_SCALAR_NODE)
			return wrong(p, item, name, "must be a list of texts");
		if (!is_null(item)) /* which is the empty text */
			ret->v[ret->n] = text_of(item);
	}
	return 0;
}

/* ---- the fields' own rules */

static const char *const stage_words[] = { "RequestReceived", "ResponseStarted", "ResponseComplete", "Panic", NULL };
static const char *const level_words[] = { "None", "Metadata", "Request", "RequestResponse", NULL };

static int read_stages(struct policy *p, const yaml_node_t *node, unsigned *ret_bits)
{
	const yaml_node_item_t *items;
	size_t n;
	int r;

	*ret_bits = 0;
	r = read_items(p, node, "omitStages", &items, &n);
	for (size_t i = 0; !r && i < n; i++) {
		const yaml_node_t *item = yaml_document_get_node(&p->doc, items[i]);
		struct str word = item->type == YAML_SCALAR_NODE ? text_of(item) : (struct str){ 0 };

		if (!is_word(word, stage_words))
			return err_set(p->err, -EINVAL, "%s:%u: omitStages has no stage \"%.*s\": did you mean \"%s\"?",
				       p->name, line_of(item), STR_ARG(str_first(word, 64)), nearest(word, stage_words));
		for (unsigned s = STAGE_REQUEST_RECEIVED; s <= STAGE_PANIC; s++)
			if (str_eq(word, str_of(audit_stage_word((enum audit_stage)s))))
				*ret_bits |= 1u << s;
	}
	return r;
}

static int read_level(struct policy *p, const yaml_node_t *node, enum audit_level *ret)
{
	struct str word;
	int r = read_text(p, node, "level", &word);

	if (r)
		return r;
	if (!word.n)
		return wrong(p, node, "the rule", "has no level: None, Metadata, Request or RequestResponse");
	if (!is_word(word, level_words))
		return err_set(p->err, -EINVAL, "%s:%u: there is no level \"%.*s\": did you mean \"%s\"?", p->name,
			       line_of(field(p, node, "level")), STR_ARG(str_first(word, 64)), nearest(word, level_words));
	for (unsigned l = LEVEL_NONE; l <= LEVEL_REQUEST_RESPONSE; l++)
		if (str_eq(word, str_of(audit_level_word((enum audit_level)l))))
			*ret = (enum audit_level)l;
	return 0;
}

static int check_urls(struct policy *p, const yaml_node_t *node, const struct list *urls)
{
	for (size_t i = 0; i < urls->n; i++) {
		struct str url = urls->v[i];

		if (str_eq(url, STR("*")))
			continue;
		if (!url.n || url.p[0] != '/')
			return wrong(p, field(p, node, "nonResourceURLs"), "nonResourceURLs", "must begin with \"/\", or be \"*\"");
		if (memchr(url.p, '*', url.n - 1))
			return wrong(p, field(p, node, "nonResourceURLs"), "nonResourceURLs", "may hold a \"*\" only at the end");
	}
	return 0;
}

static int read_group(struct policy *p, const yaml_node_t *node, struct resources *ret)
{
	int r = check_keys(p, node, "an entry of resources", resources_keys);

	if (!r)
		r = read_text(p, node, "group", &ret->group);
	if (!r)
		r = read_list(p, node, "resources", &ret->resources);
	if (!r)
		r = read_list(p, node, "resourceNames", &ret->names);
	if (r)
		return r;
	if (ret->group.n && !label_is_subdomain(ret->group))
		return wrong(p, field(p, node, "group"), "group",
			     "must be a DNS name without a version, such as \"apps\" or \"rbac.authorization.k8s.io\"");
	if (ret->names.n && !ret->resources.n)
		return wrong(p, node, "resourceNames", "needs resources beside it");
	return 0;
}

static int read_groups(struct policy *p, const yaml_node_t *node, struct rule *ret)
{
	const yaml_node_item_t *items;
	size_t n;
	int r;

	r = read_items(p, node, "resources", &items, &n);
	if (r || !n)
		return r;
	ret->resources = calloc(n, sizeof(*ret->resources));
	if (!ret->resources)
		return -ENOMEM;
	ret->nr_resources = n;
	for (size_t i = 0; !r && i < n; i++)
		r = read_group(p, yaml_document_get_node(&p->doc, items[i]), &ret->resources[i]);
	return r;
}

static int read_rule(struct policy *p, const yaml_node_t *node, struct rule *ret)
{
	struct {
		const char *name;
		struct list *list;
	} lists[] = {
		{ "users", &ret->users },	    { "userGroups", &ret->groups },	 { "verbs", &ret->verbs },
		{ "namespaces", &ret->namespaces }, { "nonResourceURLs", &ret->urls },
	};
	int r = check_keys(p, node, "a rule", rule_keys);

	ret->line = line_of(node);
	if (!r)
		r = read_level(p, node, &ret->level);
	if (!r)
		r = read_stages(p, node, &ret->omitted);
	for (size_t i = 0; !r && i < sizeof(lists) / sizeof(*lists); i++)
		r = read_list(p, node, lists[i].name, lists[i].list);
	if (!r)
		r = read_groups(p, node, ret);
	if (!r)
		r = check_urls(p, node, &ret->urls);
	if (!r && ret->urls.n && (ret->nr_resources || ret->namespaces.n))
		r = wrong(p, node, "the rule", "cannot have nonResourceURLs beside resources or namespaces");
	ret->omitted |= p->omitted;
	return r;
}

static int read_policy(struct policy *p)
{
	const yaml_node_t *root = yaml_document_get_root_node(&p->doc);
	const yaml_node_item_t *items;
	struct str version, kind;
	size_t n;
	int r;

	if (!root)
		return err_set(p->err, -EINVAL, "%s is empty: it should hold an audit policy", p->name);
	r = check_keys(p, root, "an audit policy", policy_keys);
	if (!r)
		r = read_text(p, root, "apiVersion", &version);
	if (!r)
		r = read_text(p, root, "kind", &kind);
	if (r)
		return r;
	if (!str_eq(kind, STR("Policy")) || !str_eq(version, STR("audit.k8s.io/v1")))
		return wrong(p, root, "the file", "is no audit policy: it needs apiVersion audit.k8s.io/v1 and kind Policy");
	r = read_stages(p, root, &p->omitted);
	if (!r)
		r = read_items(p, root, "rules", &items, &n);
	if (r)
		return r;
	if (!n)
		return wrong(p, root, "rules", "must be there, and not empty");
	p->rules = calloc(n, sizeof(*p->rules));
	if (!p->rules)
		return -ENOMEM;
	p->nr_rules = n;
	for (size_t i = 0; !r && i < n; i++)
		r = read_rule(p, yaml_document_get_node(&p->doc, items[i]), &p->rules[i]);
	return r;
}

static int compose(struct policy *p, struct str yaml)
{
	yaml_parser_t parser;
	int r = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)(yaml.n ? yaml.p : ""), yaml.n);
	if (yaml_parser_load(&parser, &p->doc))
		p->has_doc = true;
	else if (parser.error == YAML_MEMORY_ERROR)
		r = -ENOMEM;
	else
		r = err_set(p->err, -EINVAL, "%s:%u: not YAML: %s", p->name, (unsigned)parser.problem_mark.line + 1,
			    parser.problem ? parser.problem : "bad text");
	yaml_parser_delete(&parser);
	return r;
}

int policy_parse(struct str yaml, const char *name, struct policy **ret, struct err *err)
{
	struct policy *p;
	int r;

	if (yaml.n > POLICY_SIZE_MAX)
		return err_set(err, -E2BIG, "%s is larger than any audit policy", name);
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->name = name;
	p->err = err;
	r = compose(p, yaml);
	if (!r)
		r = read_policy(p);
	p->name = NULL;
	p->err = NULL;
	if (r) {
		policy_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

int policy_load(const char *path, struct policy **ret, struct err *err)
{
	struct buf text = { 0 };
	char block[4096];
	ssize_t n = 0;
	int fd, r = 0;

	fd = lines_open(path, err);
	if (fd < 0)
		return fd;
	while (!r && text.n <= POLICY_SIZE_MAX && (n = read(fd, block, sizeof(block))) > 0)
		r = buf_add(&text, block, (size_t)n);
	if (!r && n < 0)
		r = err_set(err, -errno, "cannot read %s: %s", path, strerror(errno));
	if (!r)
		r = policy_parse(buf_str(&text), path, ret, err);
	buf_done(&text);
	(void)close(fd); /* only read from */
	return r;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nr_rules; i++) {
		struct rule *r = &p->rules[i];

		for (size_t k = 0; k < r->nr_resources; k++) {
			free(r->resources[k].resources.v);
			free(r->resources[k].names.v);
		}
		free(r->resources);
		free(r->users.v);
		free(r->groups.v);
		free(r->verbs.v);
		free(r->namespaces.v);
		free(r->urls.v);
	}
	free(p->rules);
	if (p->has_doc)
		yaml_document_delete(&p->doc);
	free(p);
}

const char *policy_warning(const struct policy *p)
{
	return p->warning.text;
}

/* ---- asking */

static bool has(const struct list *l, struct str s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i], s))
			return true;
	return false;
}

static bool matches_user(const struct rule *r, const struct policy_user *user)
{
	bool is_in_group = !r->groups.n;

	if (!user)
		return !r->users.n && !r->groups.n;
	for (size_t i = 0; i < user->nr_groups && !is_in_group; i++)
		is_in_group = has(&r->groups, user->groups[i]);
	return is_in_group && (!r->users.n || has(&r->users, user->name));
}

static bool matches_path(struct str spec, struct str path)
{
	if (str_eq(spec, STR("*")) || str_eq(spec, path))
		return true;
	if (!spec.n || spec.p[spec.n - 1] != '*')
		return false;
	while (spec.n && spec.p[spec.n - 1] == '*')
		spec = str_first(spec, spec.n - 1);
	return str_starts(path, spec);
}

static bool matches_url(const struct rule *r, const struct request_info *i)
{
	for (size_t k = 0; !i->is_resource && k < r->urls.n; k++)
		if (matches_path(r->urls.v[k], i->path))
			return true;
	return false;
}

/* A star is all resources with their subresources, or, on one side of a slash, all on that side. */
static bool matches_name(struct str spec, const struct request_info *i)
{
	struct str rest = spec, first = str_take_until(&rest, '/');
	bool has_slash = first.n < spec.n;

	if (str_eq(spec, STR("*")))
		return true;
	if (!has_slash)
		return !i->subresource.n && str_eq(spec, i->resource);
	if (str_eq(rest, STR("*")) && str_eq(first, i->resource))
		return true;
	if (str_eq(first, STR("*")) && i->subresource.n && str_eq(rest, i->subresource))
		return true;
	return i->subresource.n && str_eq(first, i->resource) && str_eq(rest, i->subresource);
}

static bool matches_group(const struct resources *g, const struct request_info *i)
{
	if (!str_eq(g->group, i->api_group))
		return false;
	if (!g->resources.n)
		return true;
	if (g->names.n && !has(&g->names, i->name))
		return false;
	for (size_t k = 0; k < g->resources.n; k++)
		if (matches_name(g->resources.v[k], i))
			return true;
	return false;
}

static bool matches_resource(const struct rule *r, const struct request_info *i)
{
	if (!i->is_resource || (r->namespaces.n && !has(&r->namespaces, i->ns)))
		return false;
	for (size_t k = 0; k < r->nr_resources; k++)
		if (matches_group(&r->resources[k], i))
			return true;
	return !r->nr_resources;
}

static bool matches(const struct rule *r, const struct request_info *i, const struct policy_user *user)
{
	if (!matches_user(r, user) || (r->verbs.n && !has(&r->verbs, i->verb)))
		return false;
	if (r->namespaces.n || r->nr_resources)
		return matches_resource(r, i);
	return !r->urls.n || matches_url(r, i);
}

void policy_ask(const struct policy *p, const struct request_info *request, const struct policy_user *user,
		struct policy_answer *ret)
{
	*ret = (struct policy_answer){ .level = LEVEL_NONE, .omitted = p->omitted, .rule = -1 };
	for (size_t i = 0; i < p->nr_rules; i++) {
		const struct rule *r = &p->rules[i];

		if (!matches(r, request, user))
			continue;
		*ret = (struct policy_answer){ .level = r->level, .omitted = r->omitted, .rule = (int)i, .line = r->line };
		return;
	}
}

bool policy_is_silent(const struct policy_answer *a, unsigned stages)
{
	return a->level == LEVEL_NONE || !(stages & ~a->omitted);
}
