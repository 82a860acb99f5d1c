/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The notes of a report: one line for each socket beside the request. */
#include <errno.h>

#include "render/phrases.h"
#include "report/build.h"
#include "rules/address.h"

static void add_user(struct strbuf *text, const struct aiu_report *report, const struct aiu_conflict *c)
{
        strbuf_str(text, " is in use");
        if (phrase_is_hidden(c))
                return;
        strbuf_str(text, " by ");
        phrase_who(text, report, c);
}

static const char *protocol_of(const struct socket *s)
{
        return phrase_protocol(s->type, s->protocol);
}

static const char *type_name(int type)
{
        return type == SOCK_DGRAM ? "datagram" : type == SOCK_SEQPACKET ? "seqpacket" : "stream";
}

static void describe(struct strbuf *text, const struct aiu_report *report, enum beside_kind kind,
                     const struct aiu_conflict *c)
{
        switch (kind) {
        case BESIDE_PROTOCOL:
                strbuf_printf(text, "%u/%s", address_port(&c->socket.local), protocol_of(&c->socket));
                add_user(text, report, c);
                break;
        case BESIDE_SHARED:
                strbuf_str(text, "shares the port with ");
                phrase_who(text, report, c);
                strbuf_printf(text, ": SO_REUSEPORT splits %s between them",
                              c->socket.type == SOCK_DGRAM ? "datagrams" : "connections");
                break;
        case BESIDE_TYPE:
                phrase_endpoint(text, c);
                add_user(text, report, c);
                strbuf_printf(text, ", as a %s socket", type_name(c->socket.type));
                break;
        case BESIDE_TWIN:
                phrase_endpoint(text, c);
                add_user(text, report, c);
                strbuf_str(text, address_is_abstract(&c->socket.local) ? ": an abstract name, not the file"
                                                                       : ": the file, not the abstract name");
                break;
        case BESIDE_PADDED:
                strbuf_str(text, "the same name with other trailing zero bytes");
                add_user(text, report, c);
                break;
        case BESIDE_ADDRESS:
        default:
                phrase_endpoint(text, c);
                strbuf_printf(text, "/%s", protocol_of(&c->socket));
                add_user(text, report, c);
                break;
        }
}

static int add_note(struct aiu_report *report, struct observation *o, const struct beside *beside)
{
        struct aiu_conflict c = { .socket = beside->socket };
        struct strbuf text = { 0 };
        int r;

        build_device(&o->snapshot, &c.socket);
        r = build_holders(report, &o->snapshot, &c);
        if (r >= 0)
                describe(&text, report, beside->kind, &c);
        if (r >= 0)
                r = text.error ? text.error : aiu_snapshot_add_gap(&o->snapshot, AIU_GAP_NOTE, 0, text.text);
        strbuf_finish(&text);
        conflict_finish(&c);
        return r == -ENOMEM ? r : 0;
}

int build_notes(struct aiu_report *report, struct observation *o)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < o->n_beside; i++)
                r = add_note(report, o, &o->beside[i]);
        return r;
}
