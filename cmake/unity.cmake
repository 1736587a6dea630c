# Most of the time of a whole build goes into parsing the same headers again: WEIR_UNITY joins the files of each module into
# few. It is on where one builds from nothing (scripts/test, a release), and off in the preset dev, in which one works: there
# each file is compiled alone, so that none comes to lean on what a neighbour includes.
option(WEIR_UNITY "Compile the files of each module joined" OFF)

# These keep to themselves, because they share a name in their anonymous namespace with another file of their module.
set(standalone_files
    analysis/judge/save_users.cc
    analysis/judge/snapshot.cc
    analysis/records/input_code.cc
    analysis/records/replay.cc
    analysis/stats/rate_test.cc
    analysis/window/tick.cc
    app/cli/history_view.cc
    app/cli/view.cc
    app/decision_records.cc
    app/endpoint_resolution.cc
    app/metrics/endpoint_metrics.cc
    app/metrics/request_metrics.cc
    app/plan_commands.cc
    app/replay_report.cc
    app/webhooks/webhooks.cc
    app/weir.cc
    config/load/access_consistency.cc
    config/load/action_consistency.cc
    config/load/answer_consistency.cc
    config/load/consistency.cc
    config/load/endpoint_consistency.cc
    config/load/limit_consistency.cc
    config/load/route_consistency.cc
    proxy/inspect/usage_filter.cc
    proxy/route/path.cc
    tests/unit/analysis/forecast/step_time_test.cc
    tests/unit/analysis/judge/ceiling_test.cc
    tests/unit/analysis/judge/drift_test.cc
    tests/unit/analysis/judge/families_test.cc
    tests/unit/analysis/judge/ratios_test.cc
    tests/unit/analysis/judge/split_test.cc
    tests/unit/analysis/records/replay_test.cc
    tests/unit/analysis/rollout/aa_test.cc
    tests/unit/analysis/rollout/blue_green_test.cc
    tests/unit/analysis/rollout/controller_plans_test.cc
    tests/unit/analysis/rollout/controller_split_test.cc
    tests/unit/analysis/rollout/controller_test.cc
    tests/unit/analysis/rollout/edit_test.cc
    tests/unit/analysis/rollout/obey_test.cc
    tests/unit/analysis/stats/rates_test.cc
    tests/unit/analysis/store/journal_test.cc
    tests/unit/analysis/store/mark_test.cc
    tests/unit/analysis/store/storage_test.cc
    tests/unit/app/feedback/desk_test.cc
    tests/unit/app/webhooks/subscription_test.cc
    tests/unit/config/load/access_test.cc
    tests/unit/config/load/dns_test.cc
    tests/unit/config/load/endpoint_rules_test.cc
    tests/unit/config/load/feedback_test.cc
    tests/unit/config/load/guards_test.cc
    tests/unit/config/load/limits_test.cc
    tests/unit/config/load/max_exposure_test.cc
    tests/unit/config/load/plans_test.cc
    tests/unit/config/load/routes_test.cc
    tests/unit/config/load/webhooks_test.cc
    tests/unit/proxy/exchange/client_test.cc
    tests/unit/proxy/exchange/retry_policy_test.cc
    tests/unit/proxy/http/bytes_test.cc
    tests/unit/proxy/inspect/event_framing_test.cc
    tests/unit/proxy/inspect/usage_filter_test.cc
    tests/unit/proxy/net/connector_test.cc
    tests/unit/proxy/net/tls_stream_test.cc
    tests/unit/proxy/observe/line_ring_test.cc
    tests/unit/proxy/resolve/lookup_test.cc
    tests/unit/proxy/server/allocation_test.cc
    tests/unit/proxy/split/settle_test.cc
    tests/unit/proxy/split/split_share_test.cc
    tests/unit/proxy/upstream/endpoint_state_test.cc)
list(TRANSFORM standalone_files PREPEND "${PROJECT_SOURCE_DIR}/")

# join_files(<target>): to be called from the folder of its files, whose properties are set.
function(join_files target)
  if(WEIR_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    # Meant for headers, and GCC takes what is joined for included.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
    set_source_files_properties(${standalone_files} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()
