"""A migration is held against the limit measured right around it, and one disturbed round does not decide."""

import pytest

from benchmarks.migrate import Turn, outcome

TOLD = {"secs": 2.0, "wall_secs": 3.0, "peak_rss_mb": 100.0, "slices": 4}
SPENT = {"target": 6.0, "source": 2.0, "broker": 1.0, "client": 3.0}


def test_the_ratio_is_the_median_of_paired_rounds():
    """Limits of 1,000 beside migrations of 900, 800 and a disturbed 100 make 1.25; CPU is told by document."""
    limits = [Turn(1000, {"target": 5.0}) for _ in range(4)]
    moves = [Turn(rate, SPENT, TOLD) for rate in (900, 100, 800)]
    report = outcome(limits, moves, docs=100_000)
    assert report.ratios == {"bulk_limit_over_migrate": pytest.approx(1.25), "target_cpu_migrate_over_bulk": 1.2}
    assert report.figures["target_cpu_us_per_doc"] == 60
    assert report.figures["bulk_limit_target_cpu_us_per_doc"] == 50


def test_a_limit_that_drifts_counts_as_it_was_around_each_round():
    """A machine that grows quicker during the run makes no migration look slow."""
    limits = [Turn(rate, {"target": 5.0}) for rate in (1000, 2000, 4000)]
    moves = [Turn(rate, SPENT, TOLD) for rate in (1500, 3000)]
    assert outcome(limits, moves, docs=1000).ratios["bulk_limit_over_migrate"] == 1
