"""Random criteria and observations, drawn so that their names and values often meet."""

from __future__ import annotations

import math
from typing import TypeVar

from hypothesis import strategies as st

from vedette.criteria import Observed, Sample
from vedette.criteria.tree import (
    And,
    Comparison,
    Condition,
    If,
    MetricRead,
    Number,
    Operator,
    Or,
    Percentage,
    Previous,
    Program,
    Rate,
    Return,
    Search,
    SearchWord,
    Statement,
    Text,
)
from vedette.domain.metrics import Metric
from vedette.domain.states import Consistency, State

T = TypeVar("T")

few_names = st.sampled_from(["a", "a", "b", "b", "eth0.rx_bytes", 'it\'s "c"\\', ""])
any_text = st.text(st.characters(exclude_categories=["Cs"]))
any_names = few_names | st.text(st.characters(exclude_categories=["Cs"]), max_size=128)

integers = st.integers(-5, 5) | st.sampled_from([200, 2**53 + 1, 2**63, -(2**63), 2**64 - 1])
finite_doubles = st.sampled_from([0.0, -0.0, 2.5, 200.0, 1e-7, 1e21, 1e22, 1.7e308, 5e-324]) | st.floats(
    allow_nan=False, allow_infinity=False
)
doubles = finite_doubles | st.sampled_from([math.nan, math.inf, -math.inf])
numeric_texts = st.sampled_from(["200", "2.5", "-3", "+4", ".5", "1e3", "-1.5E-3", "007", "0", "1e999"])
odd_texts = st.sampled_from(
    ["", "abc", "ABC", "nan", "inf", "Infinity", "1_0", " 5", "5.", "1e", "\u0663", "a\nb", "\u00e9\U0001f600", "{0}"]
)
values = st.sampled_from([0, 1, 2, 200]) | integers | doubles | numeric_texts | odd_texts
_pieces = st.sampled_from(
    ["a", "b", "2", "\\d", "\\.", ".", ".*", "^", "$", "[ab2]", "(a|20)", "a+", "(?i:B)", "\u00e9", "\\x{61}"]
)
patterns = st.lists(_pieces, min_size=1, max_size=4).map("".join) | st.sampled_from(
    ["", "^2", "^2\\d+$", ".*b.*", "abc", "(?i)ABC", "a|b", "$", "\\.", ".*", "a.*", "\u00e9", "\n", "\\{0}", "(a)(b)?"]
)

metric_reads = few_names.map(MetricRead)
open_operands = st.one_of(
    metric_reads,
    metric_reads,
    metric_reads.map(Previous),
    metric_reads.map(Rate),
    st.builds(Percentage, metric_reads, metric_reads),
)
numbers = (integers | finite_doubles | st.sampled_from([math.inf, -math.inf])).map(Number)
texts = (numeric_texts | odd_texts | any_text.filter(lambda text: len(text) <= 80)).map(Text)
comparisons = st.one_of(
    st.builds(Comparison, open_operands, st.sampled_from(Operator), open_operands | numbers),
    st.builds(Comparison, numbers, st.sampled_from(Operator), open_operands | numbers),
    st.builds(
        Comparison, open_operands | numbers | texts, st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]), texts
    ),
    st.builds(Comparison, texts, st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]), open_operands | numbers),
    st.builds(Search, open_operands | numbers | texts, st.sampled_from(SearchWord), patterns),
)


def _joined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return several.map(And) | several.map(Or)


conditions: st.SearchStrategy[Condition] = st.recursive(comparisons, _joined, max_leaves=6)

messages = st.none() | any_text | st.lists(few_names.map(lambda name: f"#{{{name}}}") | any_text).map("".join)
returns = st.builds(Return, st.sampled_from([State.OK, State.WARNING, State.CRITICAL]), messages)
ifs = st.builds(If, conditions, returns)


def _count(condition: Condition) -> int:
    return sum(map(_count, condition.parts)) if isinstance(condition, And | Or) else 1


def _is_within_limits(statements: tuple[Statement, ...]) -> bool:
    return sum(_count(statement.condition) for statement in statements if isinstance(statement, If)) <= 10


programs = st.builds(
    Program,
    st.none() | st.sampled_from(Consistency),
    st.none() | st.integers(1, 5),
    st.lists(ifs | ifs | returns, max_size=4).map(tuple).filter(_is_within_limits),
)

metrics = st.builds(Metric, st.sampled_from("sDl"), values)
moments = st.sampled_from([0, 60_000, 60_000, 120_000]) | st.integers(0, 120_000)
samples = st.builds(Sample, moments, values)


def _named(what: st.SearchStrategy[T]) -> st.SearchStrategy[dict[str, T]]:
    """By the few names: most often there, so that most operands have a value."""
    there = st.fixed_dictionaries({"a": what, "b": what}, optional={'it\'s "c"\\': what, "eth0.rx_bytes": what})
    return there | st.dictionaries(few_names, what)


observations = st.builds(
    Observed,
    available=st.sampled_from([True, True, True, False]),
    status=any_text,
    metrics=_named(metrics),
    at_ms=moments,
    previous=_named(samples),
)
