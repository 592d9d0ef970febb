import json

import pytest

from autodl_agent.data.task import Domain
from autodl_agent.engine.policy.priors import Prior, load_priors
from autodl_agent.learners.registry import LEARNERS_BY_DOMAIN
from autodl_agent.system.errors import AutoDLError


def table(folder, entry, version=1):
    path = folder / "priors.json"
    path.write_text(json.dumps({"version": version, "domains": {"image": {"quick": entry}}}), encoding="utf-8")
    return path


def test_the_package_s_table_knows_learners_of_every_domain():
    priors = load_priors()
    assert {domain for domain, _ in priors} == {str(domain) for domain in Domain}
    for (_, learner), prior in priors.items():
        assert 0 <= prior.first <= prior.last < 1, learner


def test_the_package_s_table_names_learners_of_the_ladders():
    known = {(str(domain), spec.name) for domain, candidates in LEARNERS_BY_DOMAIN.items() for spec in candidates}
    assert set(load_priors()) <= known


def test_an_entry_is_read_and_what_it_lacks_is_neutral(tmp_path):
    priors = load_priors(table(tmp_path, {"first": 0.4, "last": 0.5, "growth": 2.5}))
    assert priors == {("image", "quick"): Prior(0.4, 0.5, growth=2.5)}


def test_without_a_table_nothing_is_known(tmp_path):
    assert load_priors(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"first": 1.5, "last": 0.5}, "image/quick: first within 0 … 0.999 expected, found 1.5"),
        ({"first": 0.5, "last": "much"}, "last within 0 … 0.999 expected, found 'much'"),
        ({"first": 0.5, "last": 0.6, "growth": 0}, "growth within 0.1 … 10 expected, found 0"),
        ({"first": 0.5}, "first and last expected, found first"),
        ({}, "first and last expected, found nothing"),
    ],
)
def test_a_bad_entry_is_named(tmp_path, entry, message):
    with pytest.raises(AutoDLError, match=message):
        load_priors(table(tmp_path, entry))


def test_another_version_is_refused(tmp_path):
    with pytest.raises(AutoDLError, match="version 1 expected, found 7"):
        load_priors(table(tmp_path, {"first": 0.1, "last": 0.2}, version=7))


def test_what_is_no_table_is_refused(tmp_path):
    path = tmp_path / "priors.json"
    path.write_text("[", encoding="utf-8")
    with pytest.raises(AutoDLError, match="a JSON table of priors expected"):
        load_priors(path)
    path.write_text("[]", encoding="utf-8")
    load_priors.cache_clear()
    with pytest.raises(AutoDLError, match="found list"):
        load_priors(path)


def test_the_share_of_each_later_slice_makes_up_the_whole():
    prior = Prior(0.5, 0.8, slices=4)
    assert 1 - 0.5 * (1 - prior.share(1)) ** 3 == pytest.approx(0.8)
    assert Prior(0.5, 0.5, slices=4).share(1) == 0
    assert Prior(0.5, 0.8, slices=1).share(1) == 0


def test_second_and_later_slices_may_be_of_another_kind():
    prior = Prior(0.5, 0.8, slices=4, second=0.4, later=0.1)
    assert [prior.share(played) for played in range(4)] == [0.5, 0.4, 0.1, 0.1]
    assert Prior(0.5, 0.75, slices=2, second=0.4).share(2) == pytest.approx(0.5)
    assert Prior(0.5, 0.75, slices=2, later=0.1).share(1) == pytest.approx(0.5)
