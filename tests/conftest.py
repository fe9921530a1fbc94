"""What all tests share: where the real data is, and small rows to build on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A slow machine is no fault in the code: how long an example takes is not a test here.
settings.register_profile("prefkit", deadline=None)
settings.load_profile("prefkit")


SLOW = {
    "browser/test_desk_in_a_browser.py",
    "collectors/human/test_hostile_rows.py",
    "collectors/human/test_oasst_reader.py",
    "collectors/sources/test_files.py",
    "collectors/sources/test_hub.py",
    "contracts/test_aggregation_contract.py",
    "contracts/test_filter_contract.py",
    "contracts/test_measure_contract.py",
    "contracts/test_policy_contract.py",
    "contracts/test_reader_fuzz.py",
    "dataset/test_dataset.py",
    "dataset/test_rows.py",
    "exporters/test_card.py",
    "exporters/test_lines.py",
    "exporters/test_null_baselines.py",
    "exporters/test_parsed.py",
    "exporters/test_preflight.py",
    "exporters/test_preflight_on_real_data.py",
    "exporters/test_preflight_template.py",
    "filters/test_boilerplate.py",
    "filters/test_keys.py",
    "filters/test_language.py",
    "filters/test_length_bias.py",
    "filters/test_refusal.py",
    "filters/test_repetition.py",
    "judging/answers/test_answer_latex.py",
    "judging/answers/test_answer_words.py",
    "judging/test_duels.py",
    "judging/test_duels_on_real_data.py",
    "judging/test_framing.py",
    "judging/test_gold.py",
    "judging/test_protocol.py",
    "judging/test_rendering.py",
    "judging/test_tournaments.py",
    "llm/test_anthropic_batches.py",
    "llm/test_anthropic_client.py",
    "llm/test_batch.py",
    "llm/test_batch_killed.py",
    "llm/test_batch_online.py",
    "llm/test_batch_results.py",
    "llm/test_batch_submit.py",
    "llm/test_batch_troubles.py",
    "llm/test_best_of_rewards.py",
    "llm/test_claims.py",
    "llm/test_client_batches.py",
    "llm/test_client_breaks.py",
    "llm/test_client_budget.py",
    "llm/test_client_canary.py",
    "llm/test_client_ends.py",
    "llm/test_client_faults.py",
    "llm/test_client_killed.py",
    "llm/test_client_limits.py",
    "llm/test_client_stops.py",
    "llm/test_client_threads.py",
    "llm/test_clients_hardened.py",
    "llm/test_collect_judge_vllm.py",
    "llm/test_engines_hardened.py",
    "llm/test_estimate.py",
    "llm/test_fault_batches.py",
    "llm/test_fault_process.py",
    "llm/test_fault_server.py",
    "llm/test_forecast.py",
    "llm/test_gate.py",
    "llm/test_jobs.py",
    "llm/test_journal.py",
    "llm/test_journal_damage.py",
    "llm/test_journal_killed.py",
    "llm/test_journal_shared.py",
    "llm/test_ledger.py",
    "llm/test_ledger_shared.py",
    "llm/test_openai_batches.py",
    "llm/test_openai_client.py",
    "llm/test_prices.py",
    "llm/test_projection.py",
    "llm/test_replay.py",
    "llm/test_schemas.py",
    "llm/test_scores_agree.py",
    "llm/test_server_client.py",
    "llm/test_transformers_client.py",
    "llm/test_vllm_in_process.py",
    "llm/test_vllm_server.py",
    "pairing/test_policies.py",
    "pipeline/test_run_spends.py",
    "reports/test_audits_on_real_data.py",
    "reports/test_estimates_simulated.py",
    "reports/test_judge_audit.py",
    "reports/test_judge_audit_own.py",
    "reports/test_judge_audit_panel.py",
    "reports/test_noise.py",
    "reports/test_planner.py",
    "reports/test_published.py",
    "reports/test_win_rates.py",
    "reports/test_win_rates_on_real_data.py",
    "review/test_desk_door.py",
    "review/test_desk_load.py",
    "review/test_desk_server.py",
    "sandbox/test_checks.py",
    "sandbox/test_extract.py",
    "sandbox/test_hostile_programs.py",
    "sandbox/test_judges.py",
    "sandbox/test_programs.py",
    "sandbox/test_sandbox_lifetime.py",
    "sandbox/test_sandbox_session.py",
    "sandbox/test_verdicts_on_real_data.py",
    "statistics/test_agreement_statistics.py",
    "statistics/test_bootstrap.py",
    "statistics/test_calibration_statistics.py",
    "statistics/test_detection.py",
    "statistics/test_judges_on_real_data.py",
    "statistics/test_lean_statistics.py",
    "statistics/test_length_bias_statistics.py",
    "statistics/test_order_effect.py",
    "statistics/test_panels_statistics.py",
    "statistics/test_ppi.py",
    "statistics/test_sampling_statistics.py",
    "templates/test_chat.py",
    "test_benchmarks.py",
    "test_benchmarks_agreeing.py",
    "test_benchmarks_asking.py",
    "test_benchmarks_reviewing.py",
    "test_cli.py",
    "test_notebooks.py",
    "test_pipeline.py",
    "test_readme.py",
    "test_samples.py",
    "test_terminal.py",
    "test_yaml.py",
    "verbs/test_ask.py",
    "verbs/test_ask_outcomes.py",
    "verbs/test_ask_terminal.py",
    "verbs/test_collect_human.py",
    "verbs/test_collect_judge.py",
    "verbs/test_collect_judge_certified.py",
    "verbs/test_collect_judge_troubles.py",
    "verbs/test_consent.py",
    "verbs/test_curate_places.py",
    "verbs/test_diff.py",
    "verbs/test_doctor.py",
    "verbs/test_export.py",
    "verbs/test_export_shapes.py",
    "verbs/test_pair.py",
    "verbs/test_report.py",
    "verbs/test_report_page.py",
    "verbs/test_verify.py",
}
"""Modules that take more than two seconds: `make quick` leaves them to `make test`."""

WITH_ENGINES = frozenset(
    {
        "test_best_of_rewards.py",
        "test_collect_judge_vllm.py",
        "test_scores_agree.py",
        "test_transformers_client.py",
        "test_vllm_in_process.py",
        "test_vllm_server.py",
    }
)
"""Modules that share a vLLM server and an engine process, which cost a minute to start."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the modules with engines to one worker; every other test stays by itself.

    `--dist loadgroup` would do it, but pytest 9.2 no longer lets xdist 3.8 mark its groups.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            name = nodeid.partition("::")[0].rpartition("/")[2]
            return "engines" if name in WITH_ENGINES else nodeid

    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of a slow module."""
    here = Path(__file__).parent
    for item in items:
        if item.path.relative_to(here).as_posix() in SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data written by others; without it the test is skipped, loudly."""
    place = os.environ.get("PREFKIT_REAL_DATA")
    if not place:
        pytest.skip("PREFKIT_REAL_DATA is not set: this test needs real data and did NOT run")
    path = Path(place)
    if not path.is_dir():
        pytest.fail(f"PREFKIT_REAL_DATA names {path}, which is no folder")
    return path.resolve()
