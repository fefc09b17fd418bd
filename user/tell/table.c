/* SPDX-License-Identifier: Apache-2.0
 *
 * One idea: a row is a list of cells with a width each; one of them, the URI, gets what is left. */
#include "tell/table.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tell/escape.h"
#include "tell/summary.h"

#define CELL_MAX 4096	/* bytes of one cell, escaped */
#define URI_SHARE 3	/* the URI should have a third of the terminal, */
#define URI_LEAST 13	/* and must have this, before other columns have what they would like */

enum column { TIME, CLIENT, CREDENTIAL, USER, STATUS, DURATION, METHOD, URI, COLUMNS };

static const struct {
	const char *title;
	unsigned width;		/* 0: what is left */
} columns[COLUMNS] = {
	[TIME] = { "TIME", 12 },     [CLIENT] = { "CLIENT", 21 },   [CREDENTIAL] = { "CREDENTIAL", 20 },
	[USER] = { "USER", 26 },     [STATUS] = { "STATUS", 6 },    [DURATION] = { "TIME(MS)", 8 },
	[METHOD] = { "METHOD", 7 },  [URI] = { "URI", 0 },
};

/* Terminal columns that n bytes of UTF-8 take, one each code point. */
static unsigned columns_of(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Cut to `width` columns, the last one "…" where something was cut. */
static void cut(char *s, unsigned width)
{
	char *at = s;

	if (columns_of(s) <= width || width < 2)
		return;
	for (unsigned n = 0; n + 1 < width; n++)
		do
			at++;
		while (((unsigned char)*at & 0xc0) == 0x80);
	memcpy(at, "…", sizeof("…"));
}

/* Names of the server's own making begin alike: what tells them apart is their end. */
static void cut_system_name(char *s, unsigned width)
{
	unsigned have = columns_of(s);
	char *at = s;

	if (have <= width || width < 2 || !str_starts(str_of(s), STR("system:")))
		return;
	for (unsigned n = have; n >= width; n--)
		do
			at++;
		while (((unsigned char)*at & 0xc0) == 0x80);
	memmove(s + strlen("…"), at, strlen(at) + 1); /* two columns or more fall away: a cell has room */
	memcpy(s, "…", strlen("…"));
}

static void put_cell(struct buf *out, char *text, unsigned width, bool is_cut, bool is_last)
{
	if (width && is_cut)
		cut(text, width);
	(void)buf_add_str(out, str_of(text)); /* the buf remembers */
	if (is_last)
		return;
	for (unsigned n = columns_of(text); n < width; n++)
		(void)buf_add_c(out, ' ');
	(void)buf_add_c(out, ' ');
}

/* What is given up on a narrow terminal, in this order; to 0: the column is left out. */
static const struct {
	enum column column;
	unsigned width;
	bool is_last_resort;
} narrower[] = {
	{ USER, 18, false }, { CLIENT, 15, false },  { CREDENTIAL, 14, false }, { TIME, 8, false },	 { USER, 12, false },
	{ DURATION, 0, false }, { METHOD, 6, false }, { USER, 0, true },	 { CREDENTIAL, 11, true },
};

#define NARROWER (sizeof(narrower) / sizeof(narrower[0]))

/* The width of each column; of the URI 0 when it is not cut. */
static void fit(const struct table *t, unsigned widths[COLUMNS])
{
	unsigned used = 0, width = t->width < TABLE_WIDTH_MIN ? TABLE_WIDTH_MIN : t->width;

	for (int i = 0; i < COLUMNS; i++) {
		widths[i] = columns[i].width;
		used += widths[i] ? widths[i] + 1 : 0;
	}
	if (!t->width || t->is_wide)
		return;
	for (size_t i = 0; i < NARROWER; i++) {
		unsigned *of = &widths[narrower[i].column];

		if (used + (narrower[i].is_last_resort ? URI_LEAST : width / URI_SHARE) <= width)
			break;
		used -= *of - narrower[i].width + !narrower[i].width;
		*of = narrower[i].width;
	}
	widths[URI] = width - used; /* the least of all columns leave some of TABLE_WIDTH_MIN */
}

void table_head(const struct table *t, struct buf *out)
{
	unsigned widths[COLUMNS];

	fit(t, widths);
	if (t->is_colour)
		(void)buf_add_str(out, STR("\033[1m"));
	for (int i = 0; i < COLUMNS; i++) {
		char title[16];

		if (!widths[i] && columns[i].width)
			continue;
		(void)snprintf(title, sizeof(title), "%s", columns[i].title); /* they are short */
		put_cell(out, title, widths[i], false, i == COLUMNS - 1 && !t->is_wide);
	}
	if (t->is_wide)
		(void)buf_add_str(out, STR("PROTOCOL CONNECTION       AUDIT-ID                             USER-AGENT"));
	if (t->is_colour)
		(void)buf_add_str(out, STR("\033[0m"));
	(void)buf_add_c(out, '\n');
}

/* The paths that anonymous callers may read by default (kube-apiserver's bootstrap policy). */
static bool is_public_path(struct str uri)
{
	static const char *const paths[] = { "/healthz", "/livez", "/readyz", "/version", "/version/" };
	struct str rest = uri, path = str_take_until(&rest, '?');

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (str_eq(path, str_of(paths[i])))
			return true;
	return false;
}

static const char *colour_of(const struct identity *id)
{
	const struct exchange *x = id->exchange;

	if (credential_is_none(&id->credential))
		return x->status / 100 == 2 && !is_public_path(x->request_uri) ? "\033[1;31m" : "\033[1;33m";
	if (id->credential.outcome == OUTCOME_REJECTED)
		return "\033[31m";
	return x->doubts ? "\033[2m" : "";
}

static void fill_time(const struct identity *id, unsigned width, char *out, size_t size)
{
	char text[CLOCK_RFC3339_MAX];

	(void)clock_rfc3339(id->time_ns, text); /* always of the same form: the time stands at 11 */
	(void)snprintf(out, size, "%.*s", (int)width, text + 11);
}

/* The log knows no port: then without ":0". */
static void fill_client(const struct conn *c, char *out)
{
	size_t n = c->has_address ? conn_fmt_address(c->client_ip, c->client_port, out) : 0;

	if (n > 2 && !c->client_port)
		out[n - 2] = '\0';
}

static void fill_credential(const struct credential *c, char *out, size_t size)
{
	const char *kind = c->token_type != TOKEN_NA && c->token_type != TOKEN_OPAQUE ? token_type_word(c->token_type)
										       : cred_kind_word(c->kind);

	if (c->kind == CRED_NONE || c->outcome == OUTCOME_ACCEPTED)
		(void)snprintf(out, size, "%s", kind);
	else
		(void)snprintf(out, size, "%s:%s", kind,
			       c->outcome == OUTCOME_UNKNOWN ? "?" : cred_outcome_word(c->outcome));
}

static void fill_user(const struct identity *id, char *out, size_t size)
{
	const struct exchange *x = id->exchange;
	bool is_none = credential_is_none(&id->credential); /* a claim that the server ignores is no user */
	size_t n = escape(is_none ? STR("-") : id->credential.subject, out, size);

	if (!n)
		n = escape(STR("?"), out, size);
	if (x->impersonate_user.n && n + 4 < size) {
		memcpy(out + n, " as ", 5);
		(void)escape(x->impersonate_user, out + n + 4, size - n - 4); /* the rest of the cell */
	}
}

static void fill_duration(const struct exchange *x, char *out, size_t size)
{
	uint64_t from = x->request_ns ? x->request_ns : x->first_byte_ns;

	if (!from || x->end_ns < from)
		(void)snprintf(out, size, "-");
	else
		(void)snprintf(out, size, "%.1f", (double)(x->end_ns - from) / 1e6);
}

static void put_wide(const struct identity *id, struct buf *out)
{
	const struct exchange *x = id->exchange;
	char text[CELL_MAX], connection[CONN_ID_MAX];

	(void)snprintf(text, sizeof(text), "%s", protocol_name(x->protocol));
	put_cell(out, text, 8, false, false);
	(void)conn_fmt_id(x->conn, connection);
	(void)snprintf(text, sizeof(text), "%s/%u", connection, x->stream);
	put_cell(out, text, 16, false, false);
	(void)escape(x->audit_id.n ? x->audit_id : STR("-"), text, sizeof(text));
	put_cell(out, text, 36, false, false);
	(void)escape(x->user_agent.n ? x->user_agent : STR("-"), text, sizeof(text));
	put_cell(out, text, 0, false, true);
}

void table_row(const struct table *t, const struct identity *id, struct buf *out)
{
	const struct exchange *x = id->exchange;
	const char *colour = t->is_colour ? colour_of(id) : "";
	unsigned widths[COLUMNS];

	fit(t, widths);
	(void)buf_add_str(out, str_of(colour));
	for (int i = 0; i < COLUMNS; i++) {
		char text[CELL_MAX];

		if (!widths[i] && columns[i].width)
			continue;
		memcpy(text, "-", 2);
		switch ((enum column)i) {
		case TIME:
			fill_time(id, widths[TIME], text, sizeof(text));
			break;
		case CLIENT:
			fill_client(x->conn, text);
			break;
		case CREDENTIAL:
			fill_credential(&id->credential, text, sizeof(text));
			break;
		case USER:
			fill_user(id, text, sizeof(text));
			if (!t->is_wide && t->width)
				cut_system_name(text, widths[USER]);
			break;
		case STATUS:
			if (x->status)
				(void)snprintf(text, sizeof(text), "%u%s", x->status, x->doubts ? "?" : "");
			else if (x->doubts)
				(void)snprintf(text, sizeof(text), "-?");
			break;
		case DURATION:
			fill_duration(x, text, sizeof(text));
			break;
		case METHOD:
			(void)escape(x->method.n ? x->method : STR("?"), text, sizeof(text));
			break;
		case URI:
			(void)escape(x->request_uri.n ? x->request_uri : STR("?"), text, sizeof(text));
			break;
		case COLUMNS:
			break;
		}
		put_cell(out, text, widths[i], !t->is_wide && t->width, i == COLUMNS - 1 && !t->is_wide);
	}
	if (t->is_wide)
		put_wide(id, out);
	if (*colour)
		(void)buf_add_str(out, STR("\033[0m"));
	(void)buf_add_c(out, '\n');
}
