"""Graphs over sequences: every operator against plain numpy, within what bytes can tell."""

import numpy as np
import pytest

from autodl_agent.pretrained.formats.tflite_transformer_int8 import AttentionWeights, SequenceGraph
from autodl_agent.pretrained.models.transformer import HIDDEN, Attention, gelu, standardised
from autodl_agent.pretrained.runtime.interpreter import InterpreterError, LiteFunction, interpreter_found

pytestmark = pytest.mark.skipif(not interpreter_found(), reason="no LiteRT interpreter installed")
RNG = np.random.default_rng(0)


def drawn(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def dense_layer(out, width):
    return drawn(out, width) / np.float32(np.sqrt(width)), drawn(out)


def function(graph, outputs, tmp_path):
    (tmp_path / "a.tflite").write_bytes(graph.finish(outputs))
    return LiteFunction(tmp_path / "a.tflite")


def close(found, wanted, share=0.03):
    """Within a share of the spread on average, and nowhere far."""
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).mean() < share * wanted.std()
    assert np.abs(found - wanted).max() < 8 * share * wanted.std()


@pytest.mark.parametrize("steps", [1, 7])
def test_a_product_scales_every_row_by_itself(tmp_path, steps):
    weights, bias = dense_layer(6, 32)
    graph = SequenceGraph(2)
    run = function(graph, [graph.dense(graph.add_input("x", (2, -1, 32)), (weights, bias))], tmp_path)
    x = drawn(2, steps, 32)
    x[0] *= 1000  # the other rows must not lose their digits to it
    wanted = x @ weights.T + bias
    close(run(x)[0], wanted[0])
    close(run(x)[1], wanted[1])


def test_a_layer_without_weights_is_its_bias(tmp_path):
    graph = SequenceGraph(1)
    layer = np.zeros((3, 8), np.float32), np.array([1.0, -2.0, 30.0], np.float32)
    run = function(graph, [graph.dense(graph.add_input("x", (1, -1, 8)), layer)], tmp_path)
    assert np.allclose(run(drawn(1, 2, 8)), layer[1], atol=1e-4)


def convolved(x, weights, bias, step, before):
    """By the definition, zeros beyond the ends. x: (n, steps, in); weights: (out, 1, neighbours, in)."""
    neighbours = weights.shape[2]
    padded = np.pad(x, ((0, 0), (before, neighbours), (0, 0)))
    places = range(0, x.shape[1], step)
    return np.stack([np.einsum("nkc,okc->no", padded[:, p : p + neighbours], weights[:, 0]) for p in places], 1) + bias


@pytest.mark.parametrize(("neighbours", "step"), [(2, 1), (3, 1), (5, 1), (3, 2)])
@pytest.mark.parametrize("steps", [8, 9])
def test_convolutions_over_steps(tmp_path, neighbours, step, steps):
    weights, bias = drawn(6, 1, neighbours, 16) / np.float32(np.sqrt(16 * neighbours)), drawn(6)
    graph = SequenceGraph(2)
    x = graph.add_input("x", (2, 1, -1, 16))
    run = function(graph, [graph.conv(x, weights, bias, step=step)], tmp_path)
    given = drawn(2, steps, 16)
    close(run(given[:, None])[:, 0], convolved(given, weights, bias, step, (neighbours - 1) // 2))


def test_a_convolution_may_cut_what_is_negative(tmp_path):
    weights, bias = drawn(6, 1, 3, 16) / np.float32(7), drawn(6)
    graph = SequenceGraph(1)
    run = function(graph, [graph.conv(graph.add_input("x", (1, 1, -1, 16)), weights, bias, relu=True)], tmp_path)
    given = drawn(1, 9, 16)
    close(run(given[:, None])[:, 0], np.maximum(convolved(given, weights, bias, 1, 1), 0))


def test_normalisation_and_gelu(tmp_path):
    gain, bias = drawn(24), drawn(24)
    graph = SequenceGraph(2)
    normed = graph.standardised(graph.add_input("x", (2, -1, 24)), gain, bias, 1e-5)
    run = function(graph, [graph.gelu(normed)], tmp_path)
    x = 5 + 3 * drawn(2, 7, 24)
    wanted = gelu(standardised(x.copy(), gain, bias, np.float32(1e-5)))
    assert np.allclose(run(x), wanted, atol=1e-3)


def test_attention_sees_what_is_not_hidden(tmp_path):
    width, heads, steps, lengths = 32, 4, 8, np.array([8, 3])
    query, key, value, leave = (dense_layer(width, width) for _ in range(4))
    graph = SequenceGraph(2)
    x, hidden = graph.add_input("x", (2, -1, width)), graph.add_input("hidden", (2, 1, 1, -1))
    run = function(graph, [graph.attention(x, AttentionWeights(query, key, value, leave, heads), hidden)], tmp_path)
    given = drawn(2, steps, width)
    there = np.arange(steps) < lengths[:, None]
    joined = np.concatenate([part[0].T for part in (query, key, value)], 1)
    plain = Attention(joined, np.concatenate([p[1] for p in (query, key, value)]), leave[0].T, leave[1], heads)
    wanted = plain(given[there], np.array([0, lengths[0]]), lengths)
    close(run(given, np.where(there, np.float32(0), HIDDEN)[:, None, None])[there], wanted, 0.05)


def test_parts_products_and_shapes(tmp_path):
    graph = SequenceGraph(2)
    x, shares = graph.add_input("x", (2, -1, 6)), graph.add_input("shares", (2, 1, -1))
    first, second, third = graph.parts(x, 3)
    mean = graph.product(shares, graph.side_by_side([third, graph.multiply(first, second)]))
    apart = graph.centred(graph.add(mean, mean), mean)
    run = function(graph, [graph.reshaped(apart, [-1, 4])], tmp_path)
    given, parts = drawn(2, 5, 6), drawn(2, 1, 5)
    wanted = parts @ np.concatenate([given[..., 4:], given[..., :2] * given[..., 2:4]], -1)
    assert run.features == 4
    assert np.allclose(run(given, parts), wanted[:, 0], atol=1e-5)


def test_shapes_may_change_and_wrong_ones_are_named(tmp_path):
    graph = SequenceGraph(2)
    x, y = graph.add_input("x", (2, -1, 4)), graph.add_input("y", (2, 1, -1))
    run = function(graph, [graph.product(y, x)], tmp_path)
    for steps in (3, 8, 3):
        given, shares = drawn(2, steps, 4), drawn(2, 1, steps)
        assert np.allclose(run(given, shares), shares @ given, atol=1e-5)
    with pytest.raises(InterpreterError, match=r"\(2, 5, 4\)"):
        run(drawn(2, 5, 4), drawn(2, 1, 6))
    assert np.allclose(run(given, shares), shares @ given, atol=1e-5)


def test_what_is_no_such_file_is_said(tmp_path):
    (tmp_path / "a.tflite").write_bytes(b"nothing of the kind")
    with pytest.raises(InterpreterError, match=r"a\.tflite"):
        LiteFunction(tmp_path / "a.tflite")
