/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * "node" says little, "node server.js" says which. Command lines hold passwords, too,
 * so one word is taken, and no word that could be the value of an option: what follows
 * an option that is not in the table must end as a script of that language does.
 */
#include <string.h>

#include "rules/label.h"

struct span {
        const char *at;
        size_t n;
};

struct words {
        struct span left;
        char separator; /* a space: the words of a title, which has them in one string */
};

/* Options are separated by spaces, and written with their dashes. */
struct language {
        const char *names;      /* of the interpreter; a version may follow */
        const char *extensions; /* of its scripts */
        const char *code;       /* options that are followed by code, or read the code from elsewhere */
        const char *label;      /* ... by the name of the program */
        const char *value;      /* ... by some other word */
        const char *rest;       /* options of one letter with the value in the same word */
        const char *flag;       /* long options with no value */
        const char *verb;       /* what may stand before the name */
        bool long_names;        /* "-jar" is one option, not three */
};

static const struct language languages[] = {
        { .names = "python pypy",
          .extensions = ".py .pyz .pyc",
          .code = "-c",
          .label = "-m",
          .value = "-W -X --check-hash-based-pycs" },
        { .names = "node nodejs",
          .extensions = ".js .mjs .cjs .ts .mts .cts",
          .code = "-e -p --eval --print",
          .label = "--run",
          .value = "-r -C --require --import --loader --experimental-loader --conditions --title --env-file "
                   "--env-file-if-exists --icu-data-dir --openssl-config --inspect-port --input-type --watch-path "
                   "--diagnostic-dir --redirect-warnings --disable-warning --trace-event-categories",
          .flag = "--inspect --inspect-brk --watch --enable-source-maps --no-warnings --no-deprecation --expose-gc "
                  "--trace-warnings --trace-uncaught --trace-deprecation --preserve-symlinks --use-openssl-ca "
                  "--abort-on-uncaught-exception --experimental-strip-types --experimental-vm-modules --permission",
          .verb = "inspect" },
        { .names = "deno",
          .extensions = ".js .mjs .ts .mts .jsx .tsx",
          .code = "eval",
          .value = "-c -L --config --import-map --lock --cert --location --seed --log-level --env-file",
          .flag = "--watch --allow-all --no-check --no-prompt --cached-only --no-lock --quiet --inspect",
          .verb = "run serve task" },
        { .names = "bun",
          .extensions = ".js .mjs .cjs .ts .mts .jsx .tsx",
          .code = "-e -p --eval --print",
          .value = "-r -c --preload --config --cwd --env-file",
          .flag = "--hot --watch --bun --smol --inspect --silent",
          .verb = "run" },
        { .names = "java",
          .extensions = ".java .jar",
          .label = "-jar -m --module",
          .value = "-cp -classpath --class-path -p --module-path --upgrade-module-path --add-modules --add-opens "
                   "--add-exports --add-reads --limit-modules --patch-module --source --enable-native-access",
          .rest = "-X -D",
          .flag = "-server -client -ea -da -esa -dsa -verbose -showversion --show-version --enable-preview",
          .long_names = true },
        { .names = "ruby jruby",
          .extensions = ".rb .ru",
          .code = "-e",
          .value = "-I -r -C -E --encoding --external-encoding --internal-encoding --disable --enable",
          .rest = "-F -x -K -W -T -i",
          .flag = "--yjit --jit --verbose --debug" },
        { .names = "perl",
          .extensions = ".pl .psgi .t",
          .code = "-e -E",
          .value = "-I",
          .rest = "-M -m -F -x -i -D -V -d" },
        { .names = "php php-cgi",
          .extensions = ".php .phar",
          .code = "-r -B -R -E --run --process-begin --process-code --process-end",
          .label = "-f -F --file --process-file",
          .value = "-S -t -c -d -g -z -b --server --docroot --php-ini --define --global --bindpath --zend-extension" },
        { .names = "sh bash dash zsh ksh mksh ash",
          .extensions = ".sh .bash .zsh .ksh",
          .code = "-c -s",
          .value = "-o +o -O +O --rcfile --init-file",
          .flag = "--norc --noprofile --posix --login --verbose" },
        { .names = "lua luajit", .extensions = ".lua", .code = "-e", .value = "-l" },
        { .names = "tclsh wish", .extensions = ".tcl" },
        { .names = "julia",
          .extensions = ".jl",
          .code = "-e -E --eval --print",
          .value = "-C -J -H -p -t -L",
          .rest = "-O -g" },
        { .names = "R", .extensions = ".R", .code = "-e", .label = "-f --file" },
        { .names = "Rscript", .extensions = ".R .r", .code = "-e" },
        { .names = "dotnet",
          .extensions = ".dll",
          .value = "--fx-version --roll-forward --additionalprobingpath --additional-deps --depsfile --runtimeconfig",
          .verb = "exec" },
        { .names = "mono", .extensions = ".exe .dll" },
        { .names = "busybox toybox" },
};

/* Programs that are scripts themselves, and run what they are told to: "module:variable", or the first word. */
static const char app_servers[] = "uvicorn gunicorn hypercorn daphne granian";
static const char app_flags[] = "--reload --preload --factory --daemon --proxy-headers --no-access-log";
static const char runners[] = "npm npm-cli.js npx npx-cli.js yarn yarn.js pnpm pnpm.cjs tsx ts-node nodemon streamlit";
static const char runner_verbs[] = "run run-script exec dlx";

/* ------------------------------------------------------ words */

static struct span span_of(const char *text)
{
        return (struct span){ text, text ? strlen(text) : 0 };
}

static bool next(struct words *words, struct span *ret)
{
        const char *end;

        while (words->separator == ' ' && words->left.n > 0 && *words->left.at == ' ') {
                words->left.at++;
                words->left.n--;
        }
        if (words->left.n == 0)
                return false;
        ret->at = words->left.at;
        end = memchr(ret->at, words->separator, words->left.n);
        ret->n = end ? (size_t)(end - ret->at) : words->left.n;
        words->left.at += end ? ret->n + 1 : ret->n;
        words->left.n -= end ? ret->n + 1 : ret->n;
        return true;
}

static bool equal(struct span item, struct span s)
{
        return item.n == s.n && memcmp(item.at, s.at, s.n) == 0;
}

/* "python3.11" is a python. */
static bool is_version_of(struct span item, struct span s)
{
        size_t n = item.n;

        if (s.n < n || memcmp(item.at, s.at, n) != 0)
                return false;
        while (n < s.n && (s.at[n] == '.' || (s.at[n] >= '0' && s.at[n] <= '9')))
                n++;
        return n == s.n;
}

static bool is_end_of(struct span item, struct span s)
{
        return item.n < s.n && memcmp(item.at, s.at + s.n - item.n, item.n) == 0;
}

static bool any(const char *list, struct span s, bool (*fits)(struct span item, struct span s))
{
        struct words words = { span_of(list), ' ' };
        struct span item;

        while (next(&words, &item))
                if (fits(item, s))
                        return true;
        return false;
}

static bool is_in(const char *list, struct span s)
{
        return any(list, s, equal);
}

static struct span base_name(struct span path)
{
        for (size_t i = path.n; i > 0; i--)
                if (path.at[i - 1] == '/')
                        return (struct span){ path.at + i, path.n - i };
        return path;
}

static bool is_option(struct span word)
{
        return word.n > 1 && (word.at[0] == '-' || word.at[0] == '+');
}

/* ------------------------------------------------------ options */

enum kind { FLAG, CODE, LABEL, VALUE, REST, DOUBT };

static enum kind kind_of(const struct language *l, struct span name)
{
        if (is_in(l->code, name))
                return CODE;
        if (is_in(l->label, name))
                return LABEL;
        if (is_in(l->value, name))
                return VALUE;
        if (is_in(l->rest, (struct span){ name.at, 2 }))
                return REST;
        /* The letters are all in the table, the long names are too many. */
        return name.n == 2 || is_in(l->flag, name) ? FLAG : DOUBT;
}

/* What stands in the same word; its length is 0 if nothing does. */
static enum kind long_option(const struct language *l, struct span word, struct span *ret_value)
{
        struct span name = word;
        enum kind kind;

        for (name.n = 2; name.n < word.n && word.at[name.n] != '=' && word.at[name.n] != ':';)
                name.n++;
        kind = kind_of(l, name);
        if (name.n == word.n)
                return kind;
        *ret_value = (struct span){ word.at + name.n + 1, word.n - name.n - 1 };
        return kind == DOUBT || kind == VALUE ? FLAG : kind;
}

/* "-um": the first letter with a value has the rest of the word, or the next. */
static enum kind letters(const struct language *l, struct span word, struct span *ret_value)
{
        for (size_t i = 1; i < word.n; i++) {
                const char name[] = { word.at[0], word.at[i] };
                enum kind kind = kind_of(l, (struct span){ name, 2 });

                *ret_value = (struct span){ word.at + i + 1, word.n - i - 1 };
                if (kind != FLAG)
                        return kind == VALUE && ret_value->n > 0 ? REST : kind;
        }
        return FLAG;
}

static enum kind option(const struct language *l, struct span word, struct span *ret_value)
{
        *ret_value = (struct span){ NULL, 0 };
        if (l->long_names || word.at[1] == '-')
                return long_option(l, word, ret_value);
        return letters(l, word, ret_value);
}

/* The word that names the program, as it was typed. */
static bool find_program(const struct language *l, struct words *words, struct span *ret)
{
        bool doubt = false;
        struct span value;

        while (next(words, ret)) {
                if (!is_option(*ret)) {
                        if (is_in(l->verb, *ret))
                                continue;
                        return !is_in(l->code, *ret) && (!doubt || any(l->extensions, *ret, is_end_of));
                }
                if (equal(span_of("--"), *ret))
                        return next(words, ret);
                switch (option(l, *ret, &value)) {
                case CODE:
                        return false;
                case LABEL:
                        *ret = value;
                        return value.n > 0 || next(words, ret);
                case VALUE:
                        (void)next(words, ret);
                        doubt = false;
                        break;
                case DOUBT:
                        doubt = true;
                        break;
                default:
                        doubt = false;
                }
        }
        return false;
}

/* ------------------------------------------------------ what it runs */

static bool is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The rest of the word after a name of Python's. */
static struct span after_name(struct span s)
{
        size_t n = 0;

        if (s.n > 0 && is_letter(s.at[0]))
                while (n < s.n && (is_letter(s.at[n]) || s.at[n] == '.' || (s.at[n] >= '0' && s.at[n] <= '9')))
                        n++;
        return (struct span){ s.at + n, s.n - n };
}

/* "shop.main:app" */
static bool is_app(struct span word)
{
        struct span rest = after_name(word);

        if (rest.n == word.n || rest.n < 2 || rest.at[0] != ':')
                return false;
        return after_name((struct span){ rest.at + 1, rest.n - 1 }).n == 0;
}

/* "-w4", "--workers=4", and what has no value at all. */
static bool takes_no_word(struct span option)
{
        if (option.at[1] != '-')
                return option.n > 2;
        return memchr(option.at, '=', option.n) || is_in(app_flags, option);
}

static void find_app(struct words *words, struct span *label)
{
        bool free = true;
        struct span word;

        while (next(words, &word)) {
                if (free && is_app(word)) {
                        *label = word;
                        return;
                }
                free = !is_option(word) || takes_no_word(word);
        }
}

static bool find_task(struct words *words, struct span *ret)
{
        struct span word;

        do
                if (!next(words, &word) || word.n == 0 || is_option(word))
                        return false;
        while (is_in(runner_verbs, word));
        *ret = word;
        return true;
}

/* A URL may hold a password or a token: no name has these bytes. Java's @FILE holds the arguments. */
static bool is_name(struct span label)
{
        for (size_t i = 0; i < label.n; i++)
                if (strchr("@?#", label.at[i]))
                        return false;
        return label.n > 0 && !is_in("- . ..", label);
}

static bool name_of(struct words *words, struct span word, struct span *ret)
{
        struct span label = base_name(word);

        if (is_in(app_servers, label))
                find_app(words, &label);
        else if (is_in(runners, label) && find_task(words, &word))
                label = base_name(word);
        *ret = label;
        return is_name(label);
}

/* ------------------------------------------------------ titles */

/* What php-fpm, puma and gunicorn write over their arguments: one string. */
static bool find_in_title(struct words *words, struct span first, struct span *ret)
{
        struct span last = { NULL, 0 }, word;

        if (equal(span_of("php-fpm:"), first))
                return next(words, &word) && equal(span_of("pool"), word) && next(words, ret);
        if (!is_in("puma puma: gunicorn:", first))
                return false;
        while (next(words, &word))
                last = word;
        if (last.n <= 2 || last.at[0] != '[' || last.at[last.n - 1] != ']')
                return false;
        *ret = (struct span){ last.at + 1, last.n - 2 };
        return true;
}

static const struct language *language_of(struct span name)
{
        for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++)
                if (any(languages[i].names, name, is_version_of))
                        return &languages[i];
        return NULL;
}

bool label_is_interpreter(const char *comm)
{
        return language_of(span_of(comm)) != NULL;
}

static struct words split(const char *cmdline, size_t bytes)
{
        struct words words = { { cmdline, bytes }, '\0' };

        /* Zeroes are left behind a title that is shorter than the arguments were. */
        while (words.left.n > 0 && cmdline[words.left.n - 1] == '\0')
                words.left.n--;
        if (words.left.n > 0 && !memchr(cmdline, '\0', words.left.n))
                words.separator = ' ';
        return words;
}

static bool find(struct words *words, struct span first, struct span *ret)
{
        const struct language *l = language_of(first);

        if (l)
                return find_program(l, words, ret) && name_of(words, *ret, ret);
        if (is_in(runners, first))
                return name_of(words, first, ret) && !equal(first, *ret);
        return words->separator == ' ' && find_in_title(words, first, ret) && name_of(words, *ret, ret);
}

bool label_find(const char *cmdline, size_t bytes, const char **ret_label, size_t *ret_bytes)
{
        struct words words = split(cmdline, bytes);
        struct span first, found;

        if (!next(&words, &first))
                return false;
        /* A login shell's name begins with a dash. */
        if (is_option(first))
                first = (struct span){ first.at + 1, first.n - 1 };
        if (!find(&words, base_name(first), &found))
                return false;
        *ret_label = found.at;
        *ret_bytes = found.n;
        return true;
}
