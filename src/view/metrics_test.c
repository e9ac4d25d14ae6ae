#include "view/metrics.h"

#include "check.h"

static void samples_of_one_metric_stand_together_under_one_head(void **state)
{
    (void)state;
    struct metrics m;
    struct pando_buf text;
    metrics_init(&m);
    buf_init(&text, 4096);
    const struct metric_label a[] = { { "space", "default" }, { NULL, NULL } };
    const struct metric_label b[] = { { "space", "a\"b\\c\nd" },
                                      { "kind", "dag" },
                                      { NULL, NULL } };
    CHECK_OK(metrics_add(&m, METRIC_COUNTER, "pando_dag_events_total", "Events", a, 5));
    CHECK_OK(metrics_add(&m, METRIC_GAUGE, "pando_peers", "Linked\npeers", NULL, 1.5));
    CHECK_OK(metrics_add(&m, METRIC_COUNTER, "pando_dag_events_total", "Other", b, 1e15));
    CHECK_OK(metrics_render(&m, &text));
    CHECK_STR((char *)text.ptr, "# HELP pando_dag_events_total Events\n"
                                "# TYPE pando_dag_events_total counter\n"
                                "pando_dag_events_total{space=\"default\"} 5\n"
                                "pando_dag_events_total{space=\"a\\\"b\\\\c\\nd\",kind="
                                "\"dag\"} 1000000000000000\n"
                                "# HELP pando_peers Linked\\npeers\n"
                                "# TYPE pando_peers gauge\n"
                                "pando_peers 1.5\n");
    buf_deinit(&text);
    metrics_deinit(&m);
}

static void a_name_that_prometheus_would_refuse_is_refused_here(void **state)
{
    (void)state;
    struct metrics m;
    metrics_init(&m);
    const struct metric_label bad[] = { { "a-b", "x" }, { NULL, NULL } };
    CHECK_EQ(metrics_add(&m, METRIC_GAUGE, "9lives", "h", NULL, 0), PANDO_INVALID);
    CHECK_EQ(metrics_add(&m, METRIC_GAUGE, "", "h", NULL, 0), PANDO_INVALID);
    CHECK_EQ(metrics_add(&m, METRIC_GAUGE, "good", "h", bad, 0), PANDO_INVALID);
    CHECK_EQ(m.len, 0);
    CHECK_EQ(m.text.len, 0);
    metrics_deinit(&m);
}

static void samples_have_a_cap(void **state)
{
    (void)state;
    struct metrics m;
    metrics_init(&m);
    for (int i = 0; i < METRICS_MAX; i++)
        CHECK_OK(metrics_add(&m, METRIC_GAUGE, "x", "h", NULL, i));
    CHECK_EQ(metrics_add(&m, METRIC_GAUGE, "x", "h", NULL, 0), PANDO_FULL);
    metrics_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(samples_of_one_metric_stand_together_under_one_head),
        TEST(a_name_that_prometheus_would_refuse_is_refused_here),
        TEST(samples_have_a_cap),
    };
    return CHECK_RUN(tests);
}
