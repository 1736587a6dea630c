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
    config/load/consistency.cc
    config/load/route_consistency.cc
    proxy/inspect/usage_filter.cc
    proxy/route/path.cc)
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
