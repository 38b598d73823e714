from pathlib import Path

import pytest

from scripts.seed_coverage import Seed, coverage_of, page_of, problems_of, seeds_of

SEEDS = [Seed("A seed", "a-seed", {"A-1": "It answers", "A-2": "It is shown"}, {"A-2": "interview screen"})]
TESTS = """
import pytest

@pytest.mark.covers("A-1")
def test_it_answers(): ...

class TestMore:
    @pytest.mark.redis
    @pytest.mark.covers("A-1", "A-3")
    def test_it_answers_again(self): ...

def test_something_else(): ...
"""


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    folder = tmp_path / "tests" / "api"
    folder.mkdir(parents=True)
    (folder / "test_a.py").write_text(TESTS)
    return tmp_path / "tests"


def test_markers_are_found_on_functions_and_in_classes(tests: Path):
    found = coverage_of(tests)
    assert {name: [each.name for each in covering] for name, covering in found.items()} == {
        "A-1": ["test_it_answers", "test_it_answers_again"],
        "A-3": ["test_it_answers_again"],
    }
    assert found["A-1"][0].path == "tests/api/test_a.py"


def test_a_mark_of_the_module_or_a_class_is_one_of_each_test_in_it(tests: Path):
    (tests / "api" / "test_a.py").write_text(
        'import pytest\npytestmark = [pytest.mark.e2e, pytest.mark.covers("A-1")]\ndef helper(): ...\n'
        'def test_one(): ...\n@pytest.mark.covers("A-2")\nclass TestMore:\n    def test_two(self): ...\n'
    )
    found = {name: [each.name for each in covering] for name, covering in coverage_of(tests).items()}
    assert found == {"A-1": ["test_one", "test_two"], "A-2": ["test_two"]}


def test_a_criterion_with_neither_a_test_nor_a_plan_is_a_problem():
    assert problems_of(SEEDS, {}) == ["A-1 has neither a test nor a plan: It answers."]


def test_a_marker_that_names_no_criterion_is_a_problem(tests: Path):
    (problem,) = problems_of(SEEDS, coverage_of(tests))
    assert "test_it_answers_again covers A-3" in problem


def test_a_plan_for_what_has_a_test_is_a_problem():
    planned = [Seed("A seed", "a-seed", {"A-1": "It answers"}, {"A-1": "later", "A-9": "never"})]
    covering = coverage_of(Path(__file__).parents[2] / "nothing")
    assert problems_of(planned, covering) == ["A-9 is planned and is no criterion."]


def test_the_page_names_tests_and_plans(tests: Path):
    page = page_of(SEEDS, coverage_of(tests))
    assert "[it answers](../tests/api/test_a.py)" in page
    assert "*planned: interview screen*" in page
    assert "1 of 2 by tests" in page


def test_the_criteria_of_the_backlog_are_all_there():
    (backlog,) = [seed for seed in seeds_of() if seed.source == "ai-recording-backlog"]
    stories = {name.split(".")[0] for name in backlog.criteria}
    assert stories == {
        f"E{epic}-S{story}" for epic, last in enumerate((4, 4, 3, 3, 3, 3, 3), 1) for story in range(1, last + 1)
    }
    assert all(f"{story}.{number}" in backlog.criteria for story in stories for number in (1, 2, 3))
