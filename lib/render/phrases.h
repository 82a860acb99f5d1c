/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phrases that render/text.c puts on its lines. */
#ifndef AIU_RENDER_WORDS_H
#define AIU_RENDER_WORDS_H

#include "addrinuse.h"
#include "util/strbuf.h"

void words_of_holder(struct strbuf *out, const struct aiu_conflict *c, const struct aiu_holder *h);
/* Of a process that stands on an earlier line. */
void words_of_holder_again(struct strbuf *out, const struct aiu_holder *h);
void words_of_nobody(struct strbuf *out, const struct aiu_conflict *c, const struct aiu_holder *h);
void words_of_state(struct strbuf *out, const struct aiu_conflict *c);
void words_of_endpoint(struct strbuf *out, const struct aiu_conflict *c);
/* The address asked about, as the summary begins. */
void words_of_asked(struct strbuf *out, const struct aiu_report *report);
void words_of_ids(struct strbuf *out, const struct aiu_conflict *c);
void words_of_cmdline(struct strbuf *out, const char *cmdline, size_t bytes);
void words_of_origin(struct strbuf *out, const struct aiu_holder *h);
void words_of_overlap(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c);
void words_of_options(struct strbuf *out, const struct aiu_report *report, const struct aiu_conflict *c);

#endif
