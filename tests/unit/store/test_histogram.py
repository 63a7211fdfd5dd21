"""Buckets against a list of all values."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.store.histogram import BOUNDS, ERROR, bucket, count, decode, encode, merge, percentile

latencies = st.lists(st.floats(BOUNDS[0], BOUNDS[-1] * 0.999), min_size=1, max_size=200)
histograms = st.dictionaries(st.integers(0, len(BOUNDS)), st.integers(1, 10**7))


def histogram_of(values):
    return count(bucket(value) for value in values)


def nearest_rank(values, share):
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def test_the_error_is_as_stated():
    assert round(ERROR, 4) == 0.0593


def test_the_bounds_span_all_timeouts_and_fit_an_octet():
    assert BOUNDS[0] == pytest.approx(50e-6)
    assert BOUNDS[-1] == pytest.approx(50)
    assert len(BOUNDS) < 255


@given(latencies, st.floats(0, 1))
def test_percentiles_are_within_the_error(values, share):
    true = nearest_rank(values, share)
    assert percentile(histogram_of(values), share) == pytest.approx(true, rel=ERROR + 1e-9)


@given(st.lists(latencies, max_size=5))
def test_merging_is_counting_all_together(lists):
    together = histogram_of([value for values in lists for value in values])
    assert merge(histogram_of(values) for values in lists) == together


@given(histograms)
def test_a_histogram_survives_its_blob(histogram):
    assert decode(encode(histogram)) == histogram


@given(histograms, histograms)
def test_merging_commutes_and_loses_nothing(one, other):
    merged = merge((one, other))
    assert merged == merge((other, one))
    assert sum(merged.values()) == sum(one.values()) + sum(other.values())


def test_what_is_beyond_the_bounds_counts_at_the_bound():
    assert percentile(histogram_of([0.0, 1e-9]), 1) == BOUNDS[0]
    assert percentile(histogram_of([500.0]), 0.5) == BOUNDS[-1]


def test_nothing_has_no_percentile():
    assert percentile({}, 0.5) is None
    assert decode(encode({})) == {}


def test_a_typical_bucket_takes_two_octets():
    assert len(encode(Counter({40: 100, 41: 20}))) == 4
