/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What interpreters run, from command lines as /proc shows them. What may be a secret is never the answer. */
#include <check.h>
#include <string.h>

#include "rules/label.h"
#include "util/macro.h"
#include "fixture/run-suite.h"

static const struct {
        const char *words; /* '|' for the NUL behind each word */
        const char *label; /* NULL = none */
} rows[] = {
        /* python */
        { "python3|s.py|", "s.py" },
        { "/usr/bin/python3.11|/srv/shop/s.py|--password|hunter2|", "s.py" },
        { "python3|-u|-X|dev|s.py|", "s.py" },
        { "python3|-uBW|ignore|s.py|", "s.py" },
        { "python3|-Wignore|s.py|", "s.py" },
        { "python3|--check-hash-based-pycs|always|s.py|", "s.py" },
        { "python3|-m|http.server|18080|-d|DIR|", "http.server" },
        { "python3|-um|pkg|--password|SECRET|", "pkg" },
        { "python3|-mpkg|SECRET|", "pkg" },
        { "python3|-m|", NULL },
        { "python3|-c|import secret|x.py|", NULL },
        { "python3|-uc|import secret|", NULL },
        { "python3|-c|from multiprocessing.spawn import x|--multiprocessing-fork|", NULL },
        { "python3|", NULL },
        { "python3|-|x|", NULL },
        { "python3||x.py|", NULL },
        { "python3|.|", NULL },
        { "python3|dir/|", NULL },
        { "python3|--|-odd.py|", "-odd.py" },
        { "python3|--|", NULL },
        { "python3|--made-up|hunter2|s.py|", NULL },
        { "python3|--made-up|s.py|", "s.py" },
        { "python3|--made-up|-u|shop|", "shop" },
        { "python3|--made-up|-X|dev|shop|", "shop" },
        { "python3|--made-up=hunter2|shop|", "shop" },
        { "pypy3|s.py|", "s.py" },
        { "python3-config|s.py|", NULL },
        { "pythonx|s.py|", NULL },
        { "/root/.pyenv/versions/3.12.1/bin/python|./hello|", "hello" },
        /* servers of python's applications */
        { "/usr/bin/python3|/usr/bin/gunicorn|-w|2|-b|127.0.0.1:80|shop.main:app|", "shop.main:app" },
        { "/usr/bin/python3|/usr/bin/gunicorn|-w4|--preload|Shop9:_app|a:b|", "Shop9:_app" },
        { "/usr/bin/python3|/usr/bin/gunicorn|--bind=x:y|shop:app|", "shop:app" },
        { "/usr/bin/python3|/usr/bin/gunicorn|--env|SECRET:x|-w|2|", "gunicorn" },
        { "/usr/bin/python3|/usr/bin/gunicorn|-e|SECRET:x|", "gunicorn" },
        { "python3|/usr/local/bin/uvicorn|shop:app|--workers|4|", "shop:app" },
        { "python3|-m|uvicorn|shop:app|", "shop:app" },
        { "python3|-m|uvicorn|shop:|:app|shop|shop/a:b|a:b/c|a::|a{:b||9a:b|a:9b|[a:b|", "uvicorn" },
        { "python3|-m|uvicorn|", "uvicorn" },
        { "gunicorn: master [shop:app]|", "shop:app" },
        { "gunicorn: master|", NULL },
        /* node */
        { "node|plain.js|--api-key=SECRET|", "plain.js" },
        { "node|--max-old-space-size=64|--require|./m.js|plain.js|--api-key=SECRET|", "plain.js" },
        { "node|-r|./m.js|--import|tsx|/srv/shop/src/server.ts|", "server.ts" },
        { "node|--inspect|--enable-source-maps|server|", "server" },
        { "node|--max-old-space-size|64|server.js|", NULL },
        { "node|inspect|server.js|", "server.js" },
        { "node|-pe|1|server.js|", NULL },
        { "node|--eval|1|server.js|", NULL },
        { "node|--eval=1|server.js|", NULL },
        { "node|--run|dev|", "dev" },
        { "node|--run=dev|", "dev" },
        { "node|--title=x|server.js|", "server.js" },
        { "node|--title|x.js|server.js|", "server.js" },
        { "node|/srv/node_modules/.bin/vite|--port|3000|", "vite" },
        { "node|/usr/bin/npm|run|dev|--|--token=SECRET|", "dev" },
        { "node|/usr/lib/node_modules/npm/bin/npm-cli.js|--token|SECRET|run|", "npm-cli.js" },
        { "node|/srv/node_modules/.bin/ts-node|src/index.ts|", "index.ts" },
        { "node|/usr/bin/npx|", "npx" },
        { "node|/usr/bin/npx||x|", "npx" },
        { "npm start|", "start" },
        { "npm run dev --token SECRET|||||", "dev" },
        { "npm  run  dev|", "dev" },
        { "npm run|", NULL },
        { "npm .|", NULL },
        { "npm|", NULL },
        { "npm --token SECRET|", NULL },
        { "node /app/server.js|", "server.js" },
        { "my-shop-fronten|", NULL },
        { "deno|run|--allow-net|--watch|main.ts|", "main.ts" },
        { "deno|run|--allow-all|https://deno.land/x/shop/main.ts|", "main.ts" },
        { "deno|run|https://me:hunter2@host|", NULL },
        { "deno|run|https://host/main.ts?token=hunter2|", NULL },
        { "deno|run|https://host/main.ts#hunter2|", NULL },
        { "deno|eval|code|", NULL },
        { "deno|task|dev|", "dev" },
        { "bun|run|dev|", "dev" },
        { "bun|--hot|server.ts|", "server.ts" },
        /* java */
        { "java|-Ddb.password=SECRET|-Xmx32m|-jar|shop-api.jar|7008|", "shop-api.jar" },
        { "java|-D|-cp|/x:/y|com.example.Main|--token=SECRET|", "com.example.Main" },
        { "java|-XX:+UseG1GC|-javaagent:/x/agent.jar=a:b|-ea:com...|--add-opens=a/b=c|-server|-jar|/srv/app.jar|",
          "app.jar" },
        { "java|--module-path|m|-m|shop/com.example.Main|", "com.example.Main" },
        { "java|--module=shop/com.example.Main|", "com.example.Main" },
        { "java|J.java|7013|", "J.java" },
        { "java|-made-up|SECRET|Main|", NULL },
        { "java|@arguments|", NULL },
        { "java|-q|Main|", "Main" },
        /* ruby, perl, php, shells */
        { "ruby|s.rb|", "s.rb" },
        { "ruby3.1|-Ilib|-r|bundler/setup|-W:no-x|bin/rails|server|", "rails" },
        { "ruby|-ne|code|s.rb|", NULL },
        { "puma 5.6.5 (tcp://127.0.0.1:18080) [src]|", "src" },
        { "puma: cluster worker 0: 46 [src]|", "src" },
        { "puma 5.6.5 (unix:///x)|", NULL },
        { "puma|5.6.5|[src]|", NULL },
        { "puma []|", NULL },
        { "puma [me@host]|", NULL },
        { "puma [src|", NULL },
        { "puma|", NULL },
        { "/usr/bin/perl|-w|-MIO::File|-I|lib|d.pl|", "d.pl" },
        { "perl|-le|code|d.pl|", NULL },
        { "perl|-0777ne|code|d.pl|", NULL },
        { "starman master  -l :80|", NULL },
        { "php|-S|127.0.0.1:7015|-t|DIR|router.php|", "router.php" },
        { "php8.2|-d|secret=x|-f|/srv/w.php|", "w.php" },
        { "php|-S|127.0.0.1:7015|", NULL },
        { "php|artisan|serve|", "artisan" },
        { "php|-r|code|", NULL },
        { "php-fpm: pool web|", "web" },
        { "php-fpm: pool|", NULL },
        { "php-fpm: master process (/etc/php-fpm.conf)|", NULL },
        { "php-fpm:|", NULL },
        { "/bin/sh|-e|/opt/start.sh|SECRET|", "start.sh" },
        { "bash|-euo|pipefail|+o|posix|+e|start|", "start" },
        { "sh|-c|node plain.js|", NULL },
        { "sh -c node plain.js|", NULL },
        { "-bash|", NULL },
        { "-bash|x.sh|", "x.sh" },
        { "busybox|nc|-l|", "nc" },
        /* others */
        { "lua5.4|s.lua|", "s.lua" },
        { "/usr/lib/R/bin/exec/R|--no-echo|--no-restore|--file=plumber.R|--args|SECRET|", "plumber.R" },
        { "julia|--project=.|-O3|-t|4|server.jl|", "server.jl" },
        { "dotnet|exec|--runtimeconfig|x.json|Shop.dll|", "Shop.dll" },
        { "dotnet|/srv/Shop.dll|", "Shop.dll" },
        /* no interpreters */
        { "redis-server *:16379|", NULL },
        { "nginx: master process /usr/sbin/nginx -c x|", NULL },
        { "/usr/lib/postgresql/15/bin/postgres|-D|/var/lib|", NULL },
        { "docker-proxy|-container-ip|172.17.0.2|", NULL },
        { "-|", NULL },
        { "||", NULL },
        { "", NULL },
};

START_TEST(row)
{
        char words[512];
        size_t n = strlen(rows[_i].words), bytes = 0;
        const char *label = NULL;

        ck_assert_uint_lt(n, sizeof(words));
        for (size_t i = 0; i < n; i++)
                words[i] = rows[_i].words[i] == '|' ? '\0' : rows[_i].words[i];
        if (!rows[_i].label) {
                ck_assert_msg(!label_find(words, n, &label, &bytes), "%s: %.*s", rows[_i].words, (int)bytes, label);
                ck_assert(!label && bytes == 0);
                return;
        }
        ck_assert_msg(label_find(words, n, &label, &bytes), "%s: none", rows[_i].words);
        ck_assert_msg(bytes == strlen(rows[_i].label) && memcmp(label, rows[_i].label, bytes) == 0, "%s: %.*s",
                      rows[_i].words, (int)bytes, label);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("label");
        TCase *tcase = tcase_create("rows");

        tcase_add_loop_test(tcase, row, 0, (int)ELEMENTSOF(rows));
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
