/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people paste: a word, or a line of a log. A text of several words is a line: the address that it complains about
 * is searched for, and words that may be anything else are left alone. Pure: text in, structs out.
 */
#include <errno.h>
#include <string.h>

#include "rules/address-word.h"
#include "rules/address.h"

enum rank {
        RANK_NONE,
        RANK_ADDRESS, /* an address, but perhaps of a client */
        RANK_PATH,    /* a path behind a word about sockets */
        RANK_BLAMED,  /* an address behind a word about sockets */
};

struct line {
        struct address_text best;
        enum rank rank;
        const struct protocol *protocol; /* the last one that was named */
        bool blames;                     /* a word about sockets came */
        bool after_port;                 /* the word before was "port" */
        struct span host;                /* an address whose port may be the next word; at NULL = none */
};

#define SEPARATORS " \t\r\n\"'`=<>,;(){}|"

static struct span next_word(struct span *rest)
{
        struct span word;

        while (rest->n > 0 && strchr(SEPARATORS, *rest->at))
                *rest = span_skip(*rest, 1);
        word = span_first(*rest, span_find_any(*rest, SEPARATORS));
        *rest = span_skip(*rest, word.n);
        return word;
}

static struct span strip(struct span word)
{
        while (word.n > 0 && strchr(":.!?", word.at[word.n - 1]))
                word.n--;
        return word;
}

static void keep(struct line *line, const struct address_text *t, enum rank rank)
{
        if (rank <= line->rank)
                return;
        line->best = *t;
        line->rank = rank;
        if (line->protocol && t->type == 0 && address_is_ip(&t->address))
                (void)address_word_set_protocol(&line->best, line->protocol);
}

/* "[0.0.0.0:80]" of haproxy(1) as well. */
static bool take_line_word(struct address_text *t, struct span word)
{
        struct span plain = strip(word);

        if (address_word_parse(t, word, 0) == 0 || address_word_parse(t, plain, 0) == 0)
                return true;
        return plain.n > 2 && plain.at[0] == '[' && plain.at[plain.n - 1] == ']' &&
               address_word_parse(t, span_skip(span_first(plain, plain.n - 1), 1), 0) == 0;
}

/* A number behind an address, behind "port", or both; "port 22 on 0.0.0.0" of sshd(8). */
static bool take_line_port(struct line *line, struct span word, struct span rest, struct address_text *t)
{
        struct span number = strip(word), host = line->host;

        if (span_starts_with(number, ":"))
                number = span_skip(number, 1);
        if (!span_is_number(number) || (!line->after_port && !host.at))
                return false;
        if (!host.at && span_is(next_word(&rest), "on"))
                host = next_word(&rest);
        *t = (struct address_text){ 0 };
        if (address_word_numeric(t, host) < 0 && address_word_numeric(t, strip(host)) < 0)
                (void)address_word_host(t, (struct span){ 0 }, 0);
        return address_word_port(t, number, 0) == 0;
}

/* "/srv/server.js:12" is a place in a program. */
static bool is_socket_path(const struct line *line, struct span word)
{
        size_t colon = span_find_last(word, ':');

        return line->blames && word.n > 1 && (word.at[0] == '/' || word.at[0] == '@') &&
               (colon == word.n || !span_is_number(span_skip(word, colon + 1)));
}

static bool blames(struct span word)
{
        static const char *const words[] = { "listen", "bind", "addrinuse", "socket" };

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (span_find(word, words[i]) < word.n)
                        return true;
        return span_is(strip(word), "use");
}

static void look_at(struct line *line, struct span word, struct span rest)
{
        struct span plain = strip(word);
        struct address_text t;
        bool is_port = span_is(plain, "port");

        line->blames = line->blames || blames(word);
        if (plain.n == 0 && !span_is(word, "::"))
                return;
        if (address_word_protocol(plain))
                line->protocol = address_word_protocol(plain);
        else if (take_line_port(line, word, rest, &t) || take_line_word(&t, word))
                keep(line, &t, line->blames ? RANK_BLAMED : RANK_ADDRESS);
        else if (is_socket_path(line, plain) && address_word_path(&t, plain) == 0)
                keep(line, &t, RANK_PATH);
        if (!is_port)
                line->host = address_word_numeric(&t, word) == 0    ? word
                             : address_word_numeric(&t, plain) == 0 ? plain
                                                                    : (struct span){ 0 };
        line->after_port = is_port;
}

static int take_line(struct address_text *t, struct span text, enum rank least)
{
        struct line line = { .rank = RANK_NONE };
        struct span rest = text, word;

        while (line.rank < RANK_BLAMED && (word = next_word(&rest)).n > 0)
                look_at(&line, word, rest);
        if (line.rank < least)
                return -EINVAL;
        *t = line.best;
        return 0;
}

static struct span trim(const char *text)
{
        struct span span = { text, strlen(text) };

        while (span.n > 0 && strchr(" \t\r\n", *span.at))
                span = span_skip(span, 1);
        while (span.n > 0 && strchr(" \t\r\n", span.at[span.n - 1]))
                span.n--;
        return span;
}

int address_text_parse(const char *text, struct address_text *ret)
{
        struct address_text t;
        struct span all;
        bool is_line, found;

        if (!text)
                return -EINVAL;
        all = trim(text);
        is_line = span_find_any(all, " \t\r\n") < all.n;
        if (all.n == 0 || span_find_any(all, "\r\n") < all.n)
                return -EINVAL;
        /* A path may have blanks; a line may begin with the path of the program that complains. */
        found = is_line && !span_starts_with(all, ".") && !span_starts_with(all, "@") &&
                take_line(&t, all, address_word_is_path(all) ? RANK_BLAMED : RANK_ADDRESS) == 0;
        if (!found && (!is_line || address_word_is_path(all)))
                found = address_word_parse(&t, all, MAY_BE_PORT | MAY_BE_NAME) == 0 ||
                        take_line(&t, all, RANK_ADDRESS) == 0;
        if (!found)
                return -EINVAL;
        *ret = t;
        return 0;
}
