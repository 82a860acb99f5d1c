/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Node-API: a question becomes JSON and text, on a thread of libuv's pool. index.js does the rest. Each question has a
 * context of its own, which no other thread sees. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <addrinuse.h>
#define NAPI_VERSION 8
#include <node_api.h>

enum kind { KIND_TCP, KIND_UDP, KIND_UNIX, KIND_SURVEY };

/* The order of the arguments of ask(). */
enum { ARG_KIND, ARG_ADDRESS, ARG_PORT, ARG_OPTIONS, ARG_ERROR, N_ARGS };

struct job {
        napi_async_work work;
        napi_deferred deferred;
        int32_t kind;
        int32_t port;
        uint32_t options;
        int32_t error;
        bool any;          /* no address: every address of the host */
        char address[256]; /* AF_UNIX: bytes, otherwise text */
        size_t n_address;
        int result;
        char *json;
        char *text;
};

static int set_unix(struct aiu_query *query, const struct job *job)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        if (job->n_address > sizeof addr.sun_path)
                return -EINVAL;
        memcpy(addr.sun_path, job->address, job->n_address);
        size_t end = job->n_address + (job->address[0] && job->n_address < sizeof addr.sun_path);
        int r = aiu_query_set_address(query, (struct sockaddr *)&addr,
                                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + end));
        return r < 0 ? r : aiu_query_set_socket(query, SOCK_STREAM, 0);
}

static int set_inet(struct aiu_query *query, const struct job *job)
{
        if (job->port < 0 || job->port > UINT16_MAX || strlen(job->address) != job->n_address)
                return -EINVAL;
        int r = aiu_query_set_address_string(query, job->any ? NULL : job->address, (uint16_t)job->port);
        return r < 0 ? r : aiu_query_set_socket(query, job->kind == KIND_UDP ? SOCK_DGRAM : SOCK_STREAM, 0);
}

/* libuv sets IPV6_V6ONLY on each TCP socket, to either value, and on a UDP socket only to 1. */
static int set_options(struct aiu_query *query, const struct job *job)
{
        int v6only = !!(job->options & AIU_OPTION_V6ONLY);
        int r = aiu_query_set_reuseaddr(query, !!(job->options & AIU_OPTION_REUSEADDR));

        if (r >= 0)
                r = aiu_query_set_reuseport(query, !!(job->options & AIU_OPTION_REUSEPORT));
        if (r >= 0 && (v6only || job->kind == KIND_TCP))
                r = aiu_query_set_v6only(query, v6only);
        return r < 0 || !job->error ? r : aiu_query_set_error(query, job->error);
}

static int ask_query(struct aiu_query *query, struct job *job)
{
        struct aiu_report *report = NULL;
        int r = job->kind == KIND_UNIX ? set_unix(query, job) : set_inet(query, job);

        if (r >= 0)
                r = set_options(query, job);
        if (r >= 0)
                r = aiu_query_run(query, &report);
        if (r >= 0)
                r = aiu_report_to_json(report, 0, &job->json);
        if (r >= 0)
                r = aiu_report_to_text(report, 0, &job->text);
        aiu_report_unref(report);
        return r;
}

static int ask_survey(struct job *job)
{
        struct aiu_survey *survey;
        int r = aiu_survey_run(NULL, 0, &survey);

        if (r < 0)
                return r;
        r = aiu_survey_to_json(survey, 0, &job->json);
        if (r >= 0)
                r = aiu_survey_to_text(survey, 0, &job->text);
        aiu_survey_unref(survey);
        return r;
}

/* On a thread of the pool: nothing of JavaScript's is touched. */
static void execute(napi_env env, void *data)
{
        struct job *job = data;
        struct aiu_query *query;

        (void)env;
        if (job->kind == KIND_SURVEY) {
                job->result = ask_survey(job);
                return;
        }
        job->result = aiu_query_new(NULL, &query);
        if (job->result < 0)
                return;
        job->result = ask_query(query, job);
        aiu_query_unref(query);
}

static void free_job(napi_env env, struct job *job)
{
        if (job->work)
                napi_delete_async_work(env, job->work);
        free(job->json);
        free(job->text);
        free(job);
}

/* An Error with `errno` as Node has it: negative. */
static napi_value make_error(napi_env env, int result)
{
        napi_value message, error, number;
        char text[128];

        snprintf(text, sizeof text, "libaddrinuse: %s", strerror(-result));
        if (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message) != napi_ok ||
            napi_create_error(env, NULL, message, &error) != napi_ok)
                return NULL;
        if (napi_create_int32(env, result, &number) == napi_ok)
                napi_set_named_property(env, error, "errno", number);
        return error;
}

static napi_value make_answer(napi_env env, const struct job *job)
{
        napi_value pair, text;

        if (napi_create_array_with_length(env, 2, &pair) != napi_ok ||
            napi_create_string_utf8(env, job->json, NAPI_AUTO_LENGTH, &text) != napi_ok ||
            napi_set_element(env, pair, 0, text) != napi_ok ||
            napi_create_string_utf8(env, job->text, NAPI_AUTO_LENGTH, &text) != napi_ok ||
            napi_set_element(env, pair, 1, text) != napi_ok)
                return NULL;
        return pair;
}

/* Back on the thread of JavaScript. */
static void complete(napi_env env, napi_status status, void *data)
{
        struct job *job = data;
        napi_value value;

        if (status != napi_ok)
                job->result = -ECANCELED;
        value = job->result < 0 ? NULL : make_answer(env, job);
        if (value)
                napi_resolve_deferred(env, job->deferred, value);
        else
                napi_reject_deferred(env, job->deferred, make_error(env, job->result < 0 ? job->result : -ENOMEM));
        free_job(env, job);
}

/* An address that does not fit is none: no name of the kernel's is that long. */
static bool get_address(napi_env env, napi_value value, struct job *job)
{
        napi_valuetype type;

        if (napi_typeof(env, value, &type) != napi_ok)
                return false;
        job->any = type == napi_null;
        if (job->any)
                return true;
        return napi_get_value_string_utf8(env, value, NULL, 0, &job->n_address) == napi_ok &&
               job->n_address < sizeof job->address &&
               napi_get_value_string_utf8(env, value, job->address, sizeof job->address, &job->n_address) == napi_ok;
}

static bool get_arguments(napi_env env, napi_callback_info info, struct job *job)
{
        napi_value args[N_ARGS];
        size_t n_args = N_ARGS;

        return napi_get_cb_info(env, info, &n_args, args, NULL, NULL) == napi_ok && n_args == N_ARGS &&
               napi_get_value_int32(env, args[ARG_KIND], &job->kind) == napi_ok &&
               get_address(env, args[ARG_ADDRESS], job) &&
               napi_get_value_int32(env, args[ARG_PORT], &job->port) == napi_ok &&
               napi_get_value_uint32(env, args[ARG_OPTIONS], &job->options) == napi_ok &&
               napi_get_value_int32(env, args[ARG_ERROR], &job->error) == napi_ok;
}

static bool start(napi_env env, struct job *job, napi_value *ret_promise)
{
        napi_value name;

        if (napi_create_string_utf8(env, "addrinuse", NAPI_AUTO_LENGTH, &name) != napi_ok ||
            napi_create_async_work(env, NULL, name, execute, complete, job, &job->work) != napi_ok ||
            napi_create_promise(env, &job->deferred, ret_promise) != napi_ok)
                return false;
        return napi_queue_async_work(env, job->work) == napi_ok;
}

static napi_value throw_now(napi_env env, struct job *job, const char *text)
{
        if (job)
                free_job(env, job);
        napi_throw_error(env, NULL, text);
        return NULL;
}

/* ask(kind, address, port, options, error): a promise of [json, text] */
static napi_value ask(napi_env env, napi_callback_info info)
{
        struct job *job = calloc(1, sizeof *job);
        napi_value promise;

        if (!job)
                return throw_now(env, NULL, "out of memory");
        if (!get_arguments(env, info, job))
                return throw_now(env, job, "libaddrinuse: Invalid argument");
        if (!start(env, job, &promise))
                return throw_now(env, job, "libaddrinuse: no thread");
        return promise;
}

NAPI_MODULE_INIT()
{
        napi_value function, version;

        if (napi_create_function(env, "ask", NAPI_AUTO_LENGTH, ask, NULL, &function) != napi_ok ||
            napi_set_named_property(env, exports, "ask", function) != napi_ok ||
            napi_create_string_utf8(env, aiu_version(), NAPI_AUTO_LENGTH, &version) != napi_ok ||
            napi_set_named_property(env, exports, "version", version) != napi_ok)
                return NULL;
        return exports;
}
